"""The frame of every page of the dashboard: its head, its outputs, and how a problem is told."""

from __future__ import annotations

from html import escape
from pathlib import Path

ASSETS = {"/static": Path(__file__).parent / "static"}
DEPENDENCIES = '<meta name="shiny-dependency-placeholder" content="">'
GONE = (
    "The server of this page has ended. Simulations go on by themselves. Start the same command again: the page comes "
    "back as it is."
)


def document(title: str, body: str, skip: str = "main", style: str = "") -> str:
    """An HTML document with Shiny's scripts and the page's own; `style` is more CSS."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
{DEPENDENCIES}
<link rel="stylesheet" href="static/popsim.css">
{f"<style>{style}</style>" if style else ""}
<script src="static/popsim.js" defer></script>
</head>
<body>
<a class="skip" href="#{skip}">Skip to the content</a>
<div id="gone" class="gone" role="alert" hidden>{GONE}</div>
{body}
</body>
</html>"""


def output(name: str, *, live: bool = False, tag: str = "div") -> str:
    """A place that the server fills; only a few are read out as they change."""
    return f'<{tag} id="{name}" class="shiny-html-output" aria-live="{"polite" if live else "off"}"></{tag}>'


def problem(words: str) -> str:
    """What cannot be shown, and why."""
    return f'<p class="problem">{escape(words)}</p>'
