"""Markdown of strangers as HTML for a page of ours.

The parser takes CommonMark with tables, and shows raw HTML as text. What it made is then fitted to
the page: headings begin below the page's own and leave out no level, each link leads to another
site by http, https or mail and has a text, and a picture is its description, as a picture of
another site would tell that site who reads the page. At last nh3 takes out whatever is not named
here, should the parser ever let something through.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dml.core.deferred import deferred
from dml.core.texts import TURNING

if TYPE_CHECKING:
    import markdown_it
    import nh3
    from markdown_it.token import Token
else:
    markdown_it = deferred("markdown_it")
    nh3 = deferred("nh3")

RENDERER: Final = 1  # Raise it with all that changes what comes out, a new parser too.
ABOVE: Final = 2  # The level of the heading under which a card stands.
LEVEL_MAX: Final = 6
URL_MAX: Final = 2_000
SCHEMES: Final = frozenset(("http", "https", "mailto"))
_TAGS: Final = frozenset(
    (
        *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p"),
        *("pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    )
)
_ATTRIBUTES: Final = {"a": frozenset(("href",)), "ol": frozenset(("start",))}
_CLASSES: Final = {it: frozenset(("number",)) for it in ("td", "th")}
_REL: Final = "nofollow noopener ugc"
_TURNED: Final = dict.fromkeys(map(ord, TURNING))


def plain(text: str) -> str:
    """Leave out characters that turn the direction of what stands behind them."""
    return text.translate(_TURNED)


def render(card: str) -> str:
    """Return a card as HTML that can do nothing. O(characters), but for thousands of brackets."""
    parser = _parser()
    tokens = parser.parse(plain(card))
    html = parser.renderer.render(_fitted(tokens), parser.options, {})
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(named) for tag, named in _ATTRIBUTES.items()},
        allowed_classes={tag: set(named) for tag, named in _CLASSES.items()},
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel=_REL,
    )


@lru_cache(maxsize=1)
def _parser() -> "markdown_it.MarkdownIt":
    parser = markdown_it.MarkdownIt("commonmark", {"html": False})
    return parser.enable(["table", "strikethrough"])


def _fitted(tokens: Sequence["Token"]) -> Sequence["Token"]:
    """Change the parser's tokens, a flat list in which each block opens and closes."""
    level, tag = ABOVE, ""
    for it, following in zip(tokens, [*tokens, None][1:], strict=True):
        if it.type in ("heading_open", "th_open"):
            blank = following is None or not _text_of(following.children or ())
            if it.type == "th_open":
                tag = "td" if blank else "th"  # A heading of nothing is none.
            elif blank:
                tag = "p"
            else:
                level = min(int(it.tag[1:]) + ABOVE, level + 1, LEVEL_MAX)
                tag = f"h{level}"
            it.tag = tag
        elif it.type in ("heading_close", "th_close"):
            it.tag = tag
        if it.type in ("th_open", "td_open"):
            is_right = "right" in str(it.attrs.pop("style", ""))
            it.attrs = {"class": "number"} if is_right else {}
        if it.children is not None:
            it.children = list(_of_line(it.children))
    return tokens


def _of_line(tokens: Sequence["Token"]) -> Iterator["Token"]:
    """Yield what stands in a line: links to other sites, and descriptions of pictures."""
    link: Token | None = None
    inside: list[Token] = []  # Links are never in one another.
    for it in tokens:
        if it.type == "link_open":
            link, inside = it, []
        elif it.type == "link_close" and link is not None:
            yield from _link(link, inside, it)
            link = None
        else:
            shown = _words(it) if it.type == "image" else it
            if link is None:
                yield shown
            else:
                inside.append(shown)


def _link(opened: "Token", inside: Sequence["Token"], closed: "Token") -> Iterator["Token"]:
    href = str(opened.attrs.get("href", ""))
    if not _leads_away(href):
        yield from inside
        return
    opened.attrs = {"href": href}
    yield opened
    yield from inside
    if not _text_of(inside):
        opened.content = href
        yield _words(opened)
    yield closed


def _words(token: "Token") -> "Token":
    """Return a text in the place of a token: the description of a picture, or its content."""
    content = _text_of(token.children) if token.children is not None else token.content
    return type(token)("text", "", 0, content=content)


def _text_of(tokens: Sequence["Token"]) -> str:
    """Return what somebody reads of these, without the spaces around it."""
    parts = (_text_of(it.children) if it.children else it.content for it in tokens)
    return "".join(parts).strip()


def _leads_away(href: str) -> bool:
    """Whether a link names another place in full, and not a path of this marketplace."""
    try:
        parts = urlsplit(href)
    except ValueError:  # As of `http://[`.
        return False
    named = bool(parts.netloc) or (parts.scheme == "mailto" and bool(parts.path))
    return parts.scheme in SCHEMES and named and len(href) <= URL_MAX
