"""A finished run as tables for other programs: a workbook with live formulas, and files for R."""
