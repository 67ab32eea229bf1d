"""REST, webhooks and pages: the faces of Hotwash over HTTP."""
