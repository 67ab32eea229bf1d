"""The composition root: builds clients, registers workflows and activities, runs queues; and `hotwash up`."""
