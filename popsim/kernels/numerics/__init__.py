"""Arithmetic, random numbers, sampling and the event heap that all kernels share."""
