"""Measurements, each next to the bare engine in the same run."""
