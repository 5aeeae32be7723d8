"""The planner's page and a twin's page in a browser."""
