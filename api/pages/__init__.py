"""The console and the public status page: HTML that works without JavaScript; mounted by `api/app.py`."""
