"""Sensitivity analysis: one and two parameters at a time, thresholds, and all parameters together.

All points share simulated people and random numbers, so that a difference between two of them is the effect of the
parameter, not noise. Parameters that are not varied keep their base-case values (draw 0).
"""
