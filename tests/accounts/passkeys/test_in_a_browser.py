"""Passkeys in a real browser, whose authenticator is made of software, by the program of the guide.

The browser reaches the API under test at `localhost`, as an IP address has no passkeys.
"""

import mimetypes
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import CDPSession, Error, Page, Route

from tests.accounts.factors.authenticator import BY_PASSWORD, ME, enroll
from tests.accounts.passkeys.authenticator import PATH
from tests.agent.market import Market
from tests.bounties.browser import running_browser
from tests.world import Person, World, problem

ROOT: Final = Path(__file__).resolve().parents[3]
CLIENT: Final = ROOT / "clients" / "typescript" / "dist"
GUIDE: Final = ROOT / "docs" / "guides" / "api.md"
PAGE: Final = """<!doctype html><title>A frontend</title>
<script type="importmap">{"imports": {"dml-client": "/dml-client/index.js"}}</script>
<script type="module">
import { client, passkeysRevoke } from "dml-client";
import * as passkeys from "/passkeys.js";
client.setConfig({ baseUrl: location.origin });
window.passkeys = passkeys;
window.held = async (token) => client.setConfig({ auth: () => token });
window.revoke = async (id, proof) =>
  (await passkeysRevoke({ path: { passkey_id: id }, body: { proof } })).error?.code;
window.told = async (asked) =>
  asked.catch((error) => ({ code: error instanceof DOMException ? error.name : error.code }));
</script>"""
STRIP: Final = """
import { stripTypeScriptTypes } from "node:module";
import { readFileSync } from "node:fs";
process.stdout.write(stripTypeScriptTypes(readFileSync(0, "utf8")));
"""
AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def program() -> str:
    """What the guide shows, as a browser reads it: without types."""
    (shown,) = re.findall(r"^```ts\n(.*?)^```$", GUIDE.read_text(), re.M | re.DOTALL)
    stripped = subprocess.run(
        [ROOT / ".venv/bin/node", "--no-warnings", "--input-type=module", "-e", STRIP],
        input=shown,
        capture_output=True,
        text=True,
        check=True,
    )
    without_types: str = stripped.stdout
    return without_types


class Frontend:
    """A page of a frontend in a browser, with an authenticator."""

    def __init__(self, page: Page, devtools: CDPSession, url: str) -> None:
        self.page, self.url = page, url
        self._devtools = devtools
        self._authenticator = ""

    async def plug_in(self) -> None:
        """Give the browser an authenticator that holds nothing."""
        if self._authenticator:
            unplugged = {"authenticatorId": self._authenticator}
            await self._devtools.send("WebAuthn.removeVirtualAuthenticator", unplugged)
        made = await self._devtools.send(
            "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR}
        )
        self._authenticator = made["authenticatorId"]

    async def set_verified(self, *, is_verified: bool) -> None:
        await self._devtools.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self._authenticator, "isUserVerified": is_verified},
        )

    async def passkeys(self) -> list[dict[str, Any]]:
        """What the authenticator holds."""
        asked = {"authenticatorId": self._authenticator}
        found: list[dict[str, Any]] = (await self._devtools.send("WebAuthn.getCredentials", asked))[
            "credentials"
        ]
        return found

    async def put_back(self, passkey: dict[str, Any], *, count: int) -> None:
        """Have it hold a passkey as a copy of some time ago does."""
        asked = {"authenticatorId": self._authenticator}
        await self._devtools.send(
            "WebAuthn.removeCredential", asked | {"credentialId": passkey["credentialId"]}
        )
        await self._devtools.send(
            "WebAuthn.addCredential", asked | {"credential": passkey | {"signCount": count}}
        )

    async def run(self, script: str, given: Any = None) -> Any:
        return await self.page.evaluate(script, given)

    async def token(self) -> str:
        """Sign in by a passkey, and return the session's access token."""
        token: str = await self.run("async () => (await passkeys.signIn()).token()")
        return token

    async def person(self, world: World) -> Person:
        token = await self.token()
        headers = {"Authorization": f"Bearer {token}"}
        me = (await world.client.get(ME, headers=headers)).json()
        return Person(me["id"], me["email"] or "", token, world.client)


@pytest.fixture(scope="module")
async def served(world: World, program: str) -> AsyncIterator[Frontend]:
    market = Market(world)
    await market.open()
    url = f"http://localhost:{market.port}"

    async def answer(route: Route) -> None:
        path = route.request.url.removeprefix(url)
        if path == "/frontend":
            await route.fulfill(body=PAGE, content_type="text/html")
        elif path == "/passkeys.js":
            await route.fulfill(body=program, content_type="text/javascript")
        elif path.startswith("/dml-client/"):
            file = CLIENT / path.removeprefix("/dml-client/")
            kind = mimetypes.guess_type(file)[0]
            await route.fulfill(body=file.read_bytes(), content_type=kind or "text/plain")
        else:
            await route.continue_()

    async with running_browser() as browser:
        page = await browser.new_page()
        await page.route("**/*", answer)
        await page.goto(f"{url}/frontend")
        await page.wait_for_function("window.passkeys !== undefined")
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        yield Frontend(page, devtools, url)
    await market.close()


@pytest.fixture
async def frontend(served: Frontend) -> Frontend:
    await served.plug_in()
    return served


async def test_somebody_signs_up_and_in_with_nothing_but_a_passkey(
    world: World, frontend: Frontend
) -> None:
    opened = await frontend.run("async () => (await passkeys.signUp('Ada')).userId")
    (held,) = await frontend.passkeys()
    assert held["rpId"] == "localhost"
    assert held["isResidentCredential"] is True
    assert held["userName"] == "Ada"
    ada = await frontend.person(world)
    assert ada.id == opened
    (one,) = (await ada.get(PATH)).json()["items"]
    assert one["relying_party"] == "localhost"
    assert one["transports"] == ["internal"]
    assert "Chrome" in one["name"]
    proven = await frontend.run("() => passkeys.prove()")
    assert await frontend.run("([id, proof]) => revoke(id, proof)", [one["id"], proven]) == (
        "accounts.last_identity"
    )


async def test_none_is_added_by_less_than_the_second_factor(
    world: World, frontend: Frontend
) -> None:
    ada = await world.person()
    await enroll(world, ada)
    await frontend.run("(token) => held(token)", ada.token)
    code = await frontend.run("(proof) => told(passkeys.addPasskey(proof, 'Laptop'))", BY_PASSWORD)
    assert code == {"code": "accounts.factor_proof_needed"}


async def test_it_stands_in_for_a_second_factor(world: World, frontend: Frontend) -> None:
    ada = await world.person()
    await frontend.run("(token) => held(token)", ada.token)
    await frontend.run("(proof) => passkeys.addPasskey(proof, 'Laptop')", BY_PASSWORD)
    (held,) = await frontend.passkeys()
    assert held["userName"] == ada.email
    await enroll(world, ada)
    assert (await frontend.person(world)).id == str(ada.id)
    proven = await frontend.run("() => passkeys.prove()")
    answer = await ada.post(f"{ME}/totp/revoke", {"proof": proven})
    assert answer.status_code == 204, answer.text
    answer = await ada.post(f"{ME}/totp/revoke", {"proof": proven})
    problem(answer, 403, "accounts.wrong_proof")
    # The browser knows of the passkey that it holds, and makes no second one.
    again = await frontend.run("(proof) => told(passkeys.addPasskey(proof, 'Again'))", BY_PASSWORD)
    assert again == {"code": "InvalidStateError"}
    (one,) = (await ada.get(PATH)).json()["items"]
    proven = await frontend.run("() => passkeys.prove()")
    assert await frontend.run("([id, proof]) => revoke(id, proof)", [one["id"], proven]) is None
    told = await frontend.run("() => told(passkeys.signIn())")
    assert told == {"code": "accounts.unknown_passkey"}


async def test_a_copy_that_counts_less_is_refused(world: World, frontend: Frontend) -> None:
    await frontend.run("async () => (await passkeys.signUp('Ada')).userId")
    await frontend.token()
    await frontend.token()
    (held,) = await frontend.passkeys()
    await frontend.put_back(held, count=0)
    told = await frontend.run("() => told(passkeys.signIn())")
    assert told == {"code": "accounts.passkey_counter_fell"}
    await frontend.put_back(held, count=held["signCount"])
    assert await frontend.token()


async def test_a_browser_gives_nothing_of_who_is_not_verified(
    world: World, frontend: Frontend
) -> None:
    await frontend.run("async () => (await passkeys.signUp('Ada')).userId")
    await frontend.set_verified(is_verified=False)
    with pytest.raises(Error, match="NotAllowedError"):
        await frontend.token()


async def test_a_page_at_an_address_is_told_that_it_has_no_passkeys(
    world: World, frontend: Frontend
) -> None:
    """The browser would say so, too; and what of it is wrong, it does not."""
    port = frontend.url.rpartition(":")[2]
    asked = f"http://127.0.0.1:{port}/v1/sessions/passkey-challenges"
    answer = await frontend.page.request.post(asked)
    assert answer.status == 409
    told = await answer.json()
    assert told["code"] == "accounts.passkeys_need_a_name"
    assert "http://localhost" in told["detail"]
