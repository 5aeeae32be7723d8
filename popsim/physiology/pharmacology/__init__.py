"""Pharmacology: compiles the drug files into tables for kinetics and effects."""
