"""The only home of outbound HTTP, SMTP and vendors' libraries; built by `workers/composition.py` alone."""
