"""Textbook models written against popsim's public API, each with its source."""
