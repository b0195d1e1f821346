"""Pages for people, made on the server, without any script.

All that others wrote is escaped by the template. The policy that is sent along lets a page load
nothing and run nothing: only its own style sheet counts, which is named by its hash.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse

from dml.core import money
from dml.core.deferred import deferred
from dml.core.money import MicroTokens

if TYPE_CHECKING:
    import jinja2
    import markupsafe
else:
    jinja2 = deferred("jinja2")
    markupsafe = deferred("markupsafe")

_SHARED: Final = Path(__file__).parent  # Where what all pages share is: `base.html`, `page.css`.
_CODE: Final = re.compile("`([^`]+)`")


class Page:
    """A template, `NAME.html`, with the shared style sheet and its own, `NAME.css`, if it has one.
    It extends `base.html`.

    Both are read when the page is first asked for: a start does not wait for them.
    """

    def __init__(
        self, template: Path, *, has_form: bool = False, **filters: Callable[..., Any]
    ) -> None:
        self._path, self._has_form, self._filters = template, has_form, filters

    def answer(self, facts: Mapping[str, Any], *, status_code: int = 200) -> HTMLResponse:
        text = self._template.render(facts, style=self._style)
        # What somebody sent may have half of a character, which UTF-8 has no bytes for.
        written = text.encode(errors="replace")
        return HTMLResponse(written, status_code=status_code, headers=self._headers)

    @cached_property
    def _style(self) -> str:
        own = self._path.with_suffix(".css")
        return (_SHARED / "page.css").read_text() + (own.read_text() if own.exists() else "")

    @cached_property
    def _template(self) -> "jinja2.Template":
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([self._path.parent, _SHARED]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {**_FILTERS, **self._filters}
        return environment.get_template(self._path.name)

    @cached_property
    def _headers(self) -> Mapping[str, str]:
        """What forbids the page everything but its own style sheet."""
        style = b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        forms = "'self'" if self._has_form else "'none'"
        policy = (
            f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; "
            f"form-action {forms}; frame-ancestors 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def tokens(amount: MicroTokens) -> str:
    """Write an amount with commas between its thousands: `1,250.5`."""
    whole, point, decimals = money.render(amount).partition(".")
    return f"{int(whole):,}{point}{decimals}"


def value(it: object) -> str:
    """Write text as itself, and all else as JSON."""
    return it if isinstance(it, str) else json.dumps(it, ensure_ascii=False)


def code(text: str) -> "markupsafe.Markup":
    """Show what stands between backticks as code, and all of it as it is written."""
    pieces = _CODE.split(text)  # What stands between two of them is every second one.
    shown = [
        markupsafe.Markup("<code>{}</code>").format(it) if number % 2 else markupsafe.escape(it)
        for number, it in enumerate(pieces)
    ]
    return markupsafe.Markup("").join(shown)


_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "tokens": tokens,
    "moment": moment,
    "value": value,
    "code": code,
}
