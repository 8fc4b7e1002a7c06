"""How Sphinx makes the site of a release from the pages of the project: `scripts/opportunity_cities/site.py` runs it.

The sources are the pages as they lie in the project, so a link leads to the same place in both.
"""

import re
from itertools import pairwise

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

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
html_search_language = "zh"


class SearchBoth(SearchEnglish):
    """English words as they are, Chinese by its characters and pairs of them, with no dictionary to install.

    Sphinx's own search for Chinese needs one, and without it finds no Chinese at all.
    """

    lang = "zh"
    words = re.compile(r"[㐀-鿿]+|[^\W㐀-鿿]+")
    # the same for what somebody searches for: pairs, or a single character
    js_splitter_code = r"""
var splitQuery = (query) => (query.match(/[㐀-鿿]+|(?:(?![㐀-鿿])[\p{Letter}\p{Number}_])+/gu) || []).flatMap(
    (word) => /^[㐀-鿿]{2}/.test(word) ? Array.from(word).slice(1).map((last, at) => word[at] + last) : [word]
);
"""

    def split(self, text: str) -> list[str]:
        """The words of a text that are looked for."""
        return [part for word in self.words.findall(text) for part in parts_of(word)]


def parts_of(word: str) -> list[str]:
    """A word, or of a run of Chinese its characters and the pairs of neighbours."""
    if not "㐀" <= word[0] <= "鿿":
        return [word]
    return [*word, *(first + second for first, second in pairwise(word))]


def setup(app: Sphinx) -> None:
    """Have Sphinx search as told here."""
    app.add_search_language(SearchBoth)
