"""Benchmarks: popsim beside its peers and beside the hardware's limits, measured in one run."""
