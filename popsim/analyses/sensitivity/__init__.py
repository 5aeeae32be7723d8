"""How results depend on what goes in: one and two parameters at a time, thresholds, and all of them together.

Every question is asked of the same simulated people with the same random numbers, so that a difference between two
answers is the effect of the parameter and not luck. All answers are deterministic in this sense: parameters have
their own values (draw 0) but for those that are varied.
"""
