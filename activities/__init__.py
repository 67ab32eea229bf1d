"""Everything that touches the world: one file per capability; what a module needs comes in through its constructor.

These modules import neither jinja2 nor boto3 nor httpx, because workflows import them for their method names.
"""
