"""Reviews as files: Markdown, HTML, PDF, JSON. Used by `api/routes/reviews.py` and the review's page."""
