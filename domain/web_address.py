"""Links that people and trackers give: only what a page may show as a link."""

from urllib.parse import urlsplit

from domain.errors import Rejected


def demand_web_address(url: str) -> str:
    """The address; Rejected when it is none, because `javascript:` and the like must not get as far as a page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Rejected(f"{url[:100]!r} is not a web address; it begins with https:// or http://")
    return url
