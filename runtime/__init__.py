"""What a process needs to run at all: settings, home folder, configuration, secrets, logging, the way to the engine."""
