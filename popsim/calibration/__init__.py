"""Calibration: parameters fitted to published figures, with what is left uncertain of them."""
