"""`dml account factors` and `dml login`: a code is asked for where there is an app."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dml.client.sign_ins import code_proof
from dml.entrypoints.cli.main import app
from tests.accounts.factors.authenticator import App, shown
from tests.accounts.notices.told import verified
from tests.agent.market import Market
from tests.world import PASSWORD, World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def test_an_app_is_enrolled_used_to_sign_in_and_removed(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = await verified(world)

    async def typed(*words: str, **more: str) -> Any:
        environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_PASSWORD": PASSWORD}
        ended = await asyncio.to_thread(
            CliRunner().invoke, app, [*words, "--json"], env=environment | more
        )
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.stdout.splitlines()[-1])

    mine = {"DML_TOKEN": ada.token}
    made = await typed("account", "factors", "enroll", **mine)
    assert made["uri"].startswith("otpauth://totp/")
    done = await typed("account", "factors", "confirm", shown(made["secret"]), **mine)
    phone = App(world, ada, made["secret"], done["recovery_codes"])
    assert (await typed("account", "factors", "show", **mine))["recovery_codes_left"] == 10
    code = (await phone.proof())["code"]
    signed_in = await typed("login", "--email", ada.email, DML_CODE=code)
    assert signed_in["id"] == str(ada.id)
    code = phone.recovery_codes[0]  # The session that was opened by both.
    fresh = await typed("account", "factors", "recovery-codes", DML_CODE=code)
    assert len(fresh["recovery_codes"]) == 10
    code = (await phone.proof())["code"]
    left = await typed("account", "factors", "remove", DML_CODE=code)
    assert left == {"totp_since": None, "recovery_codes_left": 0}


def test_digits_are_of_an_app_and_all_else_is_a_recovery_code() -> None:
    assert code_proof("123 456") == {"kind": "totp", "code": "123 456"}
    for other in ("12345", "k7mq2x-9fhd4c-w3tzpa-5ryv8n", ""):
        assert code_proof(other)["kind"] == "recovery_code"
