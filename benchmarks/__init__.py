"""Measurements, each next to the bare engine in the same run."""

import cli  # noqa: F401 - it collects garbage as seldom as every process of ours does
