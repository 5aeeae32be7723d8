"""popsim export ...: a finished run for other programs."""

from __future__ import annotations

import typer

export_app = typer.Typer(help="Write a finished run for other programs.", no_args_is_help=True)
