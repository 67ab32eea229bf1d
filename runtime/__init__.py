"""Settings, configuration file, logging and the Temporal client with its one data converter."""
