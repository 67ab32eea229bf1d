"""The REST contract, a file per noun; `api/app.py` includes them all."""
