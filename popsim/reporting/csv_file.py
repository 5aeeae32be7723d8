"""CSV files, written as `popsim.exchange.tables.csv_file` writes them."""

from popsim.exchange.tables.csv_file import write_csv

__all__ = ["write_csv"]
