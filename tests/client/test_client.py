"""The typed client at a marketplace that listens: each operation has a method, and they work."""

import asyncio
import inspect
import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from clients.generate import DESCRIPTION
from dml.accounts import sessions
from dml.client import ApiRefused, AsyncClient, Client, Refused, etag_of, types
from dml.client.async_operations import AsyncOperations
from dml.client.marketplace import Marketplace
from dml.client.operations import Operations
from dml.client.requests import sent
from dml.client.sign_ins import SignIn, SignIns
from dml.core.context import Actor, Context
from tests.agent.conftest import listening, market
from tests.agent.market import Market
from tests.inference.models import IMAGE_SPEC, digits_like_model
from tests.jobs.factories import make_version
from tests.world import PASSWORD, soon

__all__ = ["listening", "market"]  # The fixtures.
PATHS: Final[dict[str, dict[str, Any]]] = json.loads(DESCRIPTION.read_text())["paths"]


class Recorder:
    """Takes the place of a marketplace: remembers what it was asked for, and answers nothing."""

    def __init__(self) -> None:
        self.asked: tuple[str, str] | None = None

    def ask(self, method: str, path: str, **_: Any) -> None:
        self.asked = method, path

    def upload(self, method: str, path: str, *_: Any, **__: Any) -> None:
        self.asked = method, path

    def bytes_of(self, path: str, **_: Any) -> None:
        self.asked = "GET", path

    def events(self, path: str, _: float) -> None:
        self.asked = "GET", path


# Its methods are awaited where those of `Recorder` are not, which mypy refuses of a subclass.
class AsyncRecorder(Recorder):
    async def ask(self, method: str, path: str, **_: Any) -> None:  # type: ignore[override]
        self.asked = method, path

    async def upload(  # type: ignore[override]
        self, method: str, path: str, *_: Any, **__: Any
    ) -> None:
        self.asked = method, path

    async def bytes_of(self, path: str, **_: Any) -> None:  # type: ignore[override]
        self.asked = "GET", path


def arguments(method: Any, file: Path) -> dict[str, Any]:
    """Something for each parameter that must be given: a part of a path is its own name."""
    return {
        name: file if it.annotation in (Path, "Path") else name
        for name, it in inspect.signature(method).parameters.items()
        if it.default is inspect.Parameter.empty
    }


@pytest.mark.parametrize(
    ("path", "verb", "name"),
    [
        (path, verb, told["operationId"])
        for path, verbs in PATHS.items()
        for verb, told in verbs.items()
        if any(it.startswith("2") for it in told["responses"])  # Else it is for a browser alone.
    ],
)
async def test_each_operation_has_a_method_that_asks_for_it(
    path: str, verb: str, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"1")
    tag, _, operation = name.partition(".")
    kinds: Any = ((Operations, Recorder()), (AsyncOperations, AsyncRecorder()))
    for made, recorder in kinds:
        method = getattr(getattr(made(recorder), tag), operation)
        asked = method(**arguments(method, file))
        if inspect.isawaitable(asked):
            await asked
        assert recorder.asked == (verb.upper(), path.replace("{", "").replace("}", "")), name


async def quoted(market: Market) -> tuple[str, types.JobCreate]:
    """The token of somebody with tokens to spend, and a job for them to order."""
    customer = await market.world.rich("customer", "1000")
    version_id = await make_version(
        market.world,
        await market.world.person("developer"),
        model=digits_like_model(10),
        spec=IMAGE_SPEC,
        labels=[f"digit-{digit}" for digit in range(10)],
    )
    body: types.JobCreate = {
        "version_id": str(version_id),
        "title": "Which digits?",
        "max_devices": 10,
        "reward": "0.1",
        "deadline": soon(days=1),
    }
    return customer.token, body


async def test_somebody_orders_jobs_reads_them_page_after_page_and_is_refused(
    market: Market,
) -> None:
    token, body = await quoted(market)

    def story() -> None:
        with Client(market.url, token=token) as client:
            assert client.server == market.url
            quote = client.job_quotes.create(body)
            made = [client.jobs.create({**body, "title": f"job {it}"}) for it in range(3)]
            assert made[0]["cost"] == quote["cost"]
            page = client.jobs.list(limit=2)
            assert [it["title"] for it in page["items"]] == ["job 2", "job 1"]
            rest = client.jobs.list(limit=2, cursor=page["next_cursor"])
            assert [it["id"] for it in rest["items"]] == [made[0]["id"]]
            assert [it["id"] for it in client.jobs.iterate()] == [it["id"] for it in made[::-1]]
            assert list(client.jobs.iterate(state="cancelled")) == []
            name, first = next(iter(client.jobs.watch(made[0]["id"])))
            assert (name, first["job_id"]) == ("results", made[0]["id"])
            assert client.jobs.export_results(made[0]["id"]).startswith(b"month,label,items")
            with pytest.raises(ApiRefused) as refused:
                client.jobs.create({**body, "max_devices": 1_000_000, "reward": "1000"})
            assert refused.value.code == "payments.insufficient_funds"
            assert refused.value.status == 409
            assert refused.value.remedy
            assert float(refused.value.facts["missing"]) > 0
            with pytest.raises(ApiRefused) as refused:
                client.users.create({"email": "weak@example.org", "password": "password"})
            assert refused.value.code == "accounts.weak_password"
            _, suggested = str(refused.value).split("\n     ")  # Nothing is said twice.
            assert suggested.startswith("suggestions: Add another word")
            again = [client.jobs.create(body, idempotency_key="once")["id"] for _ in range(2)]
            assert again[0] == again[1]
            for job in client.jobs.iterate(state="open"):
                assert client.jobs.close(job["id"])["state"] != "open"
            with pytest.raises(Refused, match="is no part of a path"):
                client.jobs.get("..")

    await asyncio.to_thread(story)


async def test_the_same_to_wait_for(market: Market) -> None:
    token, body = await quoted(market)
    async with AsyncClient(market.url, token=token) as client:
        made = await asyncio.gather(*(client.jobs.create(body) for _ in range(3)))
        page = await client.jobs.list(limit=2)
        assert len(page["items"]) == 2
        listed = [it["id"] async for it in client.jobs.iterate()]
        assert set(listed) == {it["id"] for it in made}
        with pytest.raises(ApiRefused) as refused:
            await client.jobs.get(made[0]["version_id"])
        assert (refused.value.code, refused.value.status) == ("jobs.not_found", 404)
        async for name, _ in client.jobs.watch(made[0]["id"]):
            assert name == "results"
            break
        for job in made:
            await client.jobs.close(job["id"])


async def test_who_waits_no_longer_for_a_stream_does_not_wait_for_its_next_event(
    market: Market,
) -> None:
    token, body = await quoted(market)
    async with AsyncClient(market.url, token=token) as client:
        job = await client.jobs.create(body)

        async def watch() -> None:
            async for _ in client.jobs.watch(job["id"]):
                seen.set()

        seen = asyncio.Event()
        task = asyncio.create_task(watch())
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task
        await client.jobs.close(job["id"])


async def test_what_was_changed_since_it_was_read_is_not_overwritten(market: Market) -> None:
    person = await market.world.person()
    async with AsyncClient(market.url, token=person.token) as client:
        seen = etag_of(await client.users.get_me())
        assert seen is not None
        await client.users.update_me({"first_name": "Ada"}, if_match=seen)
        with pytest.raises(ApiRefused) as refused:
            await client.users.update_me({"first_name": "Eve"}, if_match=seen)
        assert (refused.value.code, refused.value.status) == ("accounts.edited_meanwhile", 412)
        assert (await client.users.get_me())["first_name"] == "Ada"
    assert etag_of({}) is None


async def test_files_go_up_and_come_down(market: Market, tmp_path: Path) -> None:
    developer = await market.world.person("developer")
    model = tmp_path / "model.onnx"
    model.write_bytes(digits_like_model(10))
    spec: Any = json.loads(json.dumps(IMAGE_SPEC))
    async with AsyncClient(market.url, token=developer.token) as client:
        algorithm = await client.algorithms.create(
            {
                "title": "Digits",
                "summary": "Reads a digit.",
                "model_card": "# Digits",
                "kind": "image",
                "data_kind": "photo",
                "device_fee": "0.01",
                "labels": [f"digit-{digit}" for digit in range(10)],
            }
        )
        with pytest.raises(ApiRefused) as refused:
            await client.versions.create(algorithm["id"], model, spec)
        assert refused.value.code == "accounts.agreement_needed"
        asked = await client.developer_agreements.get_current()
        await client.developer_agreements.agree({"version": asked["version"]})
        version = await client.versions.create(algorithm["id"], model, spec)
        content = await client.versions.get_file(algorithm["id"], version["id"])
        assert content == model.read_bytes()
        with pytest.raises(Refused, match="more than 10 bytes"):
            await client.versions.get_file(algorithm["id"], version["id"], most_bytes=10)


async def test_a_session_of_a_client_is_renewed_and_kept_nowhere(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    person = await market.world.person()

    def story() -> None:
        with Client(market.url, email=person.email, password=PASSWORD) as client:
            monkeypatch.setattr("dml.client.marketplace.FRESH_SECONDS", 1e9)
            ids = set[str]()
            threads = [
                threading.Thread(target=lambda: ids.add(client.users.get_me()["id"]))
                for _ in range(4)
            ]
            for it in threads:
                it.start()
            for it in threads:
                it.join()
            assert ids == {str(person.id)}
        assert SignIns().all() == []

    await asyncio.to_thread(story)


async def test_a_token_that_is_refused_before_its_time_is_replaced_once(
    market: Market, tmp_path: Path
) -> None:
    person, kept = await market.world.person(), SignIns(tmp_path)
    async with market.world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(person.id), datetime.now(UTC))
        opened = await sessions.open_session(ctx, person.id, days=1)
    sign_in = SignIn(
        server=market.url,
        email=person.email,
        user_id=str(person.id),
        access_token="a.b.c",  # By a key that is gone.
        expires_at=time.time() + 900,
        refresh_token=opened.refresh_token,
    )

    def ask() -> Any:
        with Marketplace(market.url, sign_ins=kept) as asking:
            return asking.sign_in().ask("GET", "/v1/users/me")

    kept.keep(sign_in)
    assert (await asyncio.to_thread(ask))["id"] == str(person.id)
    renewed = kept.find(market.url)
    assert renewed is not None
    assert renewed.access_token != "a.b.c"
    await person.ask("DELETE", f"/v1/users/me/sessions/{opened.session.id}")
    with pytest.raises(Refused, match="has ended"):
        await asyncio.to_thread(ask)
    assert kept.all() == []


async def test_nobody_reads_what_is_public_and_can_register(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DML_SERVER", market.url)
    async with AsyncClient() as client:
        await client.algorithms.list(mine=False)
        with pytest.raises(ApiRefused) as refused:
            await client.users.get_me()
        assert refused.value.status == 401
        email = f"new-{(await market.world.person()).id}@example.org"
        user = await client.users.create({"email": email, "password": "correct horse battery"})
        assert user["role"] == "member"


def test_a_client_needs_nothing_of_the_server_and_is_loaded_when_it_is_used() -> None:
    code = (
        "import sys; import dml.client; assert 'dml.client.operations' not in sys.modules;"
        "from dml.client import AsyncClient, Client; assert 'dml.client.operations' in sys.modules;"
        "sys.exit(bool({'pydantic', 'fastapi', 'yaml', 'dml.core'} & sys.modules.keys()))"
    )
    src = Path(__file__).resolve().parents[2] / "src"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(src)}, check=True)


def test_a_query_has_numbers_as_the_api_reads_them() -> None:
    given = {"a": 0.00001, "b": 1.0, "c": 0.5, "d": 7, "e": True, "f": None, "g": "x"}
    told = {"a": "0.00001", "b": "1", "c": "0.5", "d": "7", "e": "true", "g": "x"}
    assert sent(given) == told
