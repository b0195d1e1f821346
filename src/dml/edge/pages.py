"""Pages for people, made on the server, without any script.

All that others wrote is escaped by the template. The policy that is sent along lets a page load
nothing and run nothing: only its own style sheet counts, which is named by its hash.
"""

import hashlib
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
else:
    jinja2 = deferred("jinja2")

_STYLE: Final = Path(__file__).with_name("page.css")  # That all pages share.


class Page:
    """A template, `NAME.html`, with the shared style sheet and its own, `NAME.css`, if it has one.

    Both are read when the page is first asked for: a start does not wait for them.
    """

    def __init__(self, template: Path, **filters: Callable[..., str]) -> None:
        self._path, self._filters = template, filters

    def answer(self, facts: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
        text = self._template.render(facts, style=self._style)
        return HTMLResponse(text, status_code=status, headers=self._headers)

    @cached_property
    def _style(self) -> str:
        own = self._path.with_suffix(".css")
        return _STYLE.read_text() + (own.read_text() if own.exists() else "")

    @cached_property
    def _template(self) -> "jinja2.Template":
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._path.parent),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"tokens": tokens, "moment": moment, **self._filters}
        return environment.get_template(self._path.name)

    @cached_property
    def _headers(self) -> Mapping[str, str]:
        """What forbids the page everything but its own style sheet."""
        style = b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def tokens(amount: MicroTokens) -> str:
    """Write an amount with commas between its thousands: `1,250.5`."""
    whole, point, decimals = money.render(amount).partition(".")
    return f"{int(whole):,}{point}{decimals}"
