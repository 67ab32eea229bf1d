"""The trackers' own APIs; built by `workers/composition.py` through `configured.py`."""
