"""Sphinx configuration."""

project = "forkfuzz"
author = "the forkfuzz authors"
extensions = ["myst_parser", "sphinx_click"]
html_theme = "furo"
html_title = "forkfuzz"
exclude_patterns = ["_build", "changelog.d"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
