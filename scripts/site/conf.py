"""Sphinx's settings. The pages are Markdown; the theme needs nothing from the network."""

from __future__ import annotations

import sut

project = "sut-mlperf"
version = release = sut.__version__
root_doc = "docs/index"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"sut-mlperf {release}"
html_show_copyright = False
# Links to headings, as GitHub makes them.
myst_heading_anchors = 4
# A page that is split into several would be a page that nobody finds.
html_use_index = False
