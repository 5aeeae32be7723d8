"""Calibration: parameters fitted to published figures, with their remaining uncertainty."""
