"""The registry of single persons' twins: data in, forecasts and recommendations out. For research, not for care."""
