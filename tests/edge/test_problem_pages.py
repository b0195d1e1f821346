"""What a browser is answered where a program gets a problem document, or its explanation."""

from collections.abc import AsyncIterator
from html import escape, unescape
from typing import Any, Final

import httpx2
import pytest

from dml.core import pool
from dml.core.db import connect
from dml.core.errors import all_refusals
from dml.core.settings import Settings
from dml.edge.problem_pages import prefers_page
from dml.edge.problems import HTTP_PROBLEMS
from dml.entrypoints.server import create_app
from tests.world import World, problem

BROWSER: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
HOSTILE: Final = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
ORIGIN: Final = "https://console.example.org"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/*", True),
        ("application/json;q=0.5, text/html;q=0.6", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("application/problem+json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=0.1, */*;q=0.2", False),
        ("text/plain, */*", False),
        (",;q=,;;", False),
        ("a/b," * 10_000 + "text/html", False),
    ],
)
def test_who_prefers_html_is_a_person(accept: str, is_page: bool) -> None:
    assert prefers_page(accept) == is_page


def page(answer: httpx2.Response, status: int, code: str) -> str:
    """Check that the answer is the page of this problem, and return its text."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script" not in answer.headers["content-security-policy"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert "Accept" in answer.headers["vary"]
    assert f'href="/problems/{code}"' in answer.text
    assert answer.headers["x-request-id"] in answer.text
    return unescape(answer.text)


async def test_each_refusal_is_a_page_in_a_browser_and_a_document_to_a_program(
    world: World,
) -> None:
    person = await world.person()
    signed_in = {"Authorization": f"Bearer {person.token}"}
    asked: tuple[tuple[str, dict[str, str], int, str], ...] = (
        ("/v1/algorithmz", {}, 404, "http.404"),
        ("/v1/users/me", {}, 401, "core.not_signed_in"),
        ("/v1/assignments/claim", {}, 405, "http.405"),
        ("/v1/jobs?stat=open", signed_in, 422, "http.422"),
        ("/v1/admin/books", signed_in, 403, "accounts.admins_only"),
        ("/bounties/01890a5d-ac96-774b-bcce-b302099a8057", {}, 404, "bounties.not_found"),
        ("/problems/nonsense", {}, 404, "entrypoints.no_such_problem"),
        ("/docs/files/none.js", {}, 404, "http.404"),
    )
    for path, headers, status, code in asked:
        told = problem(await world.client.get(path, headers=headers), status, code)
        html = {"Accept": BROWSER}
        shown = await world.client.get(path, headers=headers | html)
        text = page(shown, status, code)
        assert told["title"] in text
        assert told["detail"].split("`")[0] in text
        plain = await world.client.get(path, headers=headers)
        assert "Accept" in plain.headers["vary"]
        for name in ("allow", "www-authenticate", "retry-after", "cache-control"):
            assert shown.headers.get(name) == plain.headers.get(name), (path, name)
        head = await world.client.head(path, headers=headers | html)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers["content-type"] == shown.headers["content-type"]
    assert (
        "Do you mean <code>/v1/algorithms</code>?"
        in (await world.client.get("/v1/algorithmz", headers={"Accept": BROWSER})).text
    )


async def test_who_writes_is_a_program_whatever_it_would_read(world: World) -> None:
    refused = await world.client.post("/v1/users", json={}, headers={"Accept": BROWSER})
    problem(refused, 422, "http.422")
    assert "Accept" not in refused.headers.get("vary", "")


@pytest.mark.parametrize("sent", [HOSTILE, "ünï’©ödé ☃ 𝕏", "%ED%A0%80", "{{ 7 * 7 }}", "`a` `b"])
async def test_all_characters_of_a_request_are_shown_as_themselves(world: World, sent: str) -> None:
    person = await world.person()
    headers = {"Authorization": f"Bearer {person.token}", "Accept": BROWSER}
    for path in (f"/v1/jobs?{sent}=1", f"/v1/{sent}", f"/problems/{sent}"):
        shown = await world.client.get(path, headers=headers)
        assert shown.status_code in (404, 422)
        assert HOSTILE not in shown.text
        assert "<script" not in shown.text
        assert "<img" not in shown.text
    if "%" not in sent and "=" not in sent:
        listed = await world.client.get(f"/v1/jobs?{sent}=1", headers=headers)
        assert f"<code>/{escape(sent)}</code>" in listed.text


@pytest.fixture(scope="module")
async def faulty(settings: Settings, database_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The API for scripts of another origin, with a route that has a bug."""
    shared = settings.model_copy(update={"cors_origins": [ORIGIN]})
    engine = connect(database_url, name="test faulty api", connections=1)
    app = create_app(shared, engine)

    @app.get("/bug")
    async def fail() -> None:
        raise RuntimeError("password=hunter2")

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Origin": ORIGIN, "X-Request-ID": "mine-12345"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client
    await engine.dispose()


async def test_a_bug_is_told_to_scripts_of_other_origins_with_the_id_to_report(
    faulty: httpx2.AsyncClient,
) -> None:
    refused = await faulty.get("/bug")
    problem(refused, 500, "http.500")
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert refused.headers["x-request-id"] == "mine-12345"
    shown = page(await faulty.get("/bug", headers={"Accept": BROWSER}), 500, "http.500")
    assert "hunter2" not in shown
    assert (await faulty.head("/bug")).content == b""


async def test_an_overloaded_server_tells_that_to_scripts_of_other_origins(
    faulty: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAITING_MAX", 0)
    refused = await faulty.post("/v1/users", json={})
    problem(refused, 503, "http.503")
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    asked = {"Access-Control-Request-Method": "POST"}
    assert (await faulty.options("/v1/users", headers=asked)).status_code == 200
    shown = await faulty.get("/v1/algorithms", headers={"Accept": BROWSER})
    page(shown, 503, "http.503")
    assert shown.headers["retry-after"] == "1"


async def test_every_problem_has_a_page_that_says_what_its_document_says(world: World) -> None:
    html = {"Accept": BROWSER}
    listed: Any = (await world.client.get("/problems")).json()["items"]
    all_of_them = unescape((await world.client.get("/problems", headers=html)).text)
    known = {it["code"] for it in listed}
    assert known >= {it.code for it in all_refusals()} | {f"http.{it}" for it in HTTP_PROBLEMS}
    assert len(known) == len(listed)
    for it in listed:
        assert f'href="/problems/{it["code"]}"' in all_of_them
        assert it["title"].split("`")[0] in all_of_them
        told = (await world.client.get(f"/problems/{it['code']}")).json()
        assert it.items() <= told.items()
        named = {fact["name"] for fact in told["facts"]}
        assert named <= told["example"].keys(), it["code"]
        shown = await world.client.get(f"/problems/{it['code']}", headers=html)
        text = unescape(shown.text)
        assert it["title"].split("`")[0] in text
        for name in named:
            assert f"<code>{name}</code>" in text


async def test_a_page_of_a_problem_has_an_etag_of_its_own(world: World) -> None:
    told = await world.client.get("/problems/http.404")
    shown = await world.client.get("/problems/http.404", headers={"Accept": BROWSER})
    assert told.headers["content-type"] == "application/json"
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert told.headers["etag"] != shown.headers["etag"]
    for answer, accept in ((told, "*/*"), (shown, BROWSER)):
        assert "Accept" in answer.headers["vary"]
        headers = {"Accept": accept, "If-None-Match": answer.headers["etag"]}
        again = await world.client.get("/problems/http.404", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
