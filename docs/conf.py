"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402

project = "popsim"
author = "popsim developers"
copyright = "popsim developers"
version = release = version_of("popsim")

extensions = ["myst_nb", "sphinx_design"]
exclude_patterns = ["build", "examples", "generated"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests run the blocks; a build that simulates would take too long
nitpicky = True

html_theme = "furo"
html_title = "popsim"
html_static_path = ["static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sourcelink = False


def setup(app: object) -> None:
    """Write the reference before any page is read: its pages come from the code."""
    generate.write(HERE / "reference" / "generated")
