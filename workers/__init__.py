"""The composition root: builds clients, registers workflows and activities, runs queues, supervises processes."""
