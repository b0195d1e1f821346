"""Pages of links, for people: a page with a button, and what it says once that was pressed."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse

from dml.accounts.recovery import pages
from dml.accounts.schemas import NewPassword
from dml.edge.http import BeginAsStranger, Server
from dml.edge.limits import Network, at_most
from dml.edge.pages import Page
from dml.edge.routing import StrictRoute

_PAGE: Final = Page(Path(__file__).with_name("link.html"), has_form=True)
router = APIRouter(prefix="/links", route_class=StrictRoute)
limit = Depends(at_most("ask_mail", lambda settings: settings.sign_ins_a_minute))
Token = Annotated[str, Query(max_length=100)]
Typed = Annotated[NewPassword | None, Form()]


@router.get("", include_in_schema=False, dependencies=[limit])
async def show_link(begin: BeginAsStranger, token: Token) -> HTMLResponse:
    """Show what a link is for. Programs that open links in mails use nothing up by that."""
    shown = await pages.show(begin, token)
    return _PAGE.answer(shown.facts, status_code=shown.status_code)


@router.post("", include_in_schema=False, dependencies=[limit])
async def use_link(
    begin: BeginAsStranger,
    server: Server,
    network: Network,
    token: Annotated[str, Form(max_length=100)],
    password: Typed = None,
    again: Typed = None,
) -> HTMLResponse:
    """Do what the link is for, as its page's button asks."""
    shown = await pages.use(server, begin, token, (password, again), network)
    return _PAGE.answer(shown.facts, status_code=shown.status_code)
