"""How Sphinx makes the site of a release from the pages of the project: `scripts/opportunity_cities/site.py` runs it.

The sources are the pages as they lie in the project, so a link leads to the same place in both.
"""

project = "机遇之城 Opportunity Cities"
html_title = project
html_theme = "furo"
extensions = ["myst_parser"]
include_patterns = ["README*.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md"]
root_doc = "docs/index"
myst_heading_anchors = 3
# the pages are as old as the release that they are in
html_last_updated_fmt = None
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
# what it has no rules for, such as Chinese names in SQL, is shown without colours
suppress_warnings = ["misc.highlighting_failure"]
