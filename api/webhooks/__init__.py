"""The ways in for alerts: one file per sender that only reads, and one way from there into the engine."""
