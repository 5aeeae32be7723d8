"""The registry of personal twins: data in, forecasts and recommendations out. For research, not for care."""
