"""`/dev/mails`: what would have been sent, for who develops on this machine."""

import asyncio
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from dml.edge.http import Server
from dml.edge.pages import Page
from dml.edge.routing import StrictRoute
from dml.mail.reading import require_here
from dml.mail.shelf import Shelf

_PAGE: Final = Page(Path(__file__).with_name("mails.html"))
router = APIRouter(route_class=StrictRoute)


@router.get("/dev/mails", include_in_schema=False, dependencies=[Depends(require_here)])
async def show_mails(server: Server) -> HTMLResponse:
    """Show what would have been sent, where nothing is."""
    kept = await asyncio.to_thread(Shelf.of(server.settings).newest)
    return _PAGE.answer({"mails": kept})
