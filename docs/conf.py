"""Sphinx configuration."""

project = "forkfuzz"
author = "the forkfuzz authors"
extensions = ["myst_parser", "sphinx_click"]
html_theme = "furo"
html_title = "forkfuzz"
exclude_patterns = ["_build", "changelog.d"]
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
suppress_warnings = ["myst.header"]
