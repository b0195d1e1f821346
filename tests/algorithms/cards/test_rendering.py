"""Markdown of strangers: what comes out can do nothing, and fits under the headings of a page."""

import re
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from dml.algorithms.cards.rendering import ABOVE, SCHEMES, render

BARE: Final = (
    *("blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "p"),
    *("pre", "s", "strong", "table", "tbody", "thead", "tr", "ul"),
)
ALLOWED: Final = {
    **{it: frozenset[str]() for it in BARE},
    "a": frozenset(("href", "rel")),
    "ol": frozenset(("start",)),
    "td": frozenset(("class",)),
    "th": frozenset(("class",)),
}


class Seen(HTMLParser):
    """What a browser would make of a card: its tags, links, and the order of its headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.levels: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        given = dict(attrs)
        assert given.keys() <= ALLOWED[tag], given
        if tag == "a":
            assert given["rel"] == "nofollow noopener ugc"
            self.links.append(given.get("href") or "")
        if re.fullmatch("h[3-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def check(card: str) -> Seen:
    """Render a card, and check that it is what a page may show."""
    seen = Seen(render(card))
    for it in seen.links:
        assert it.partition(":")[0].lower() in SCHEMES, it
    before = ABOVE
    for level in seen.levels:
        assert level <= before + 1
        before = level
    return seen


PIECES: Final = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:x'>"),
    *("[a](javascript:alert(1))", "[a](data:text/html,x)", "[a](//evil.test)", "[a](/v1/users/me)"),
    *("![](https://spy.test/a.png)", "[![b](https://spy.test/b.png)](https://good.test 't')"),
    *("<javascript:alert(1)>", "<https://good.test/?a=1&b='\">", "[r]", "\n\n[r]: javascript:x\n"),
    *("# ", "###### ", "\n=====\n", "> ", "- ", "1. ", "99. ", "```html\n", "~~~", "`", "    "),
    *("**", "_", "~~", "[", "](", ")", "<", ">", "&", "&#106;", "\\", "|a|b|\n|-:|--|\n|1|2|\n"),
    *("\u202e", "\u2066", "\u200b", "\n", "\n\n", " ", "a", "https://x.test", "<!--", "-->", "<?x"),
)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_whatever_is_written_comes_out_harmless(card: str) -> None:
    check(card)


@pytest.mark.parametrize(
    ("card", "html"),
    [
        ("# Digits\n\nTrained on *MNIST*.", "<h3>Digits</h3>\n<p>Trained on <em>MNIST</em>.</p>\n"),
        ("###### Deep\n\n# Up", "<h3>Deep</h3>\n<h3>Up</h3>\n"),
        ("# \n\na", "<p></p>\n<p>a</p>\n"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        ("[a](/v1/users/me)", "<p>a</p>\n"),
        ("[a](//evil.test)", "<p>a</p>\n"),
        ("![a *plot*](https://spy.test/a.png)", "<p>a plot</p>\n"),
        (
            "[](https://good.test)",
            '<p><a href="https://good.test" rel="nofollow noopener ugc">https://good.test</a></p>\n',
        ),
        (
            "[![b](c.png)](mailto:a@b.test)",
            '<p><a href="mailto:a@b.test" rel="nofollow noopener ugc">b</a></p>\n',
        ),
        ("a \u202eb\u2067", "<p>a b</p>\n"),
        (
            "| |b|\n|--|-:|\n|1|2|",
            '<table>\n<thead>\n<tr>\n<td></td>\n<th class="number">b</th>\n</tr>\n</thead>\n'
            '<tbody>\n<tr>\n<td>1</td>\n<td class="number">2</td>\n</tr>\n</tbody>\n</table>\n',
        ),
        ("```python\nimport os\n```", "<pre><code>import os\n</code></pre>\n"),
    ],
    ids=[
        *("plain", "headings", "empty_heading", "raw_html", "script_link", "path", "no_scheme"),
        *("picture", "empty_link", "badge", "overrides", "table", "code"),
    ],
)
def test_a_card_becomes(card: str, html: str) -> None:
    assert render(card) == html


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "*a **", "`", "> ", "- ", "<", "[a](", "a_", "~~a", "&", "|", "\\[", "[a]: b\n"],
    ids=range(14),
)
def test_the_worst_that_a_card_may_hold_is_rendered(piece: str) -> None:
    """How long that takes is a figure (`make bench`); here it has to end, and to be harmless."""
    check((piece * 20_000)[:10_000])
