"""Readings of scales, blood pressure cuffs and watches: Open mHealth, Apple Health, and CSV that people can export."""
