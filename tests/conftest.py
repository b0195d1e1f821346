"""Real PostgreSQL and Valkey, never a mock, started here and stopped with the last test.

They live in `.dml/test`; each pytest process has a database of its own, copied from a migrated
template. Tests of use cases share one transaction that is rolled back (`tx`); tests through HTTP
commit, and make users of their own, so that they need no empty tables.
"""

import fcntl
import itertools
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
import pytest
import structlog
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from dml.core import event_feed
from dml.core.context import Actor, Context, Role
from dml.core.db import connect
from dml.core.ids import UserId, new_id
from dml.core.settings import Settings
from dml.entrypoints import domains, migrate
from dml.entrypoints.embedded import postgres, servers
from dml.entrypoints.embedded.servers import Endpoints
from dml.entrypoints.server import create_app, with_device_layer
from tests import canaries, folders
from tests.jobs import parting
from tests.seeds import TEST_HOME, fingerprint
from tests.world import World, make_user

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ROOT: Final = Path(__file__).resolve().parents[1]
HOME: Final = TEST_HOME
At = Callable[..., Context]
Sessions = async_sessionmaker[AsyncSession]
STARTED: Final = time.time_ns()  # An id of a process is given again.
_NUMBERS: Final = itertools.count()

# As in a server: what a command under test says on standard output is its answer alone.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
canaries.watch()
# What other tests have under way on the same PostgreSQL may take longer than a reader waits.
event_feed.SETTLE_SECONDS = 10.0  # type: ignore[misc] # it is no constant of tests
domains.load_processes()
hypothesis_settings.register_profile("here", database=None, deadline=None)
hypothesis_settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture(autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    """Fail where a test logged what no log may say (`tests/canaries.py`)."""
    canaries.found.clear()
    yield
    assert not canaries.found, canaries.found[0]


@contextmanager
def _locked(name: str) -> Iterator[None]:
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / name, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    """The servers that all tests share. The last pytest process to finish stops them."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "users.lock", "a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield servers.up(HOME, settings={"fsync": "off", "max_connections": "300"})
        fcntl.flock(users, fcntl.LOCK_UN)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        servers.down(HOME)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter, unlike `tmp_path`: root starts servers as another."""
    folder = folders.make("dml-test-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(endpoints: Endpoints) -> str:
    """The name of a migrated database, made once for each state of the migrations."""
    name = f"dml_template_{fingerprint()}{parting.suffix()}"
    with _locked("template.lock"):
        known = postgres.run_sql(HOME, f"SELECT 1 FROM pg_database WHERE datname = '{name}';")
        if not known.strip():
            making = f"{name}_new"
            postgres.drop_database(HOME, making)
            migrate.migrate(url := postgres.create_database(HOME, making))
            if parting.is_wanted():
                parting.part(url)
            postgres.run_sql(HOME, f"ALTER DATABASE {making} RENAME TO {name};")
    return name


@contextmanager
def _database(template: str) -> Iterator[str]:
    """A migrated database that is dropped as soon as it is of no use.

    Its thousand files are on no disk by then, mostly: to remove them later takes thirty times as
    long.
    """
    name = f"dml_test_{os.getpid()}_{STARTED}_{next(_NUMBERS)}"
    with _locked("template.lock"):  # PostgreSQL copies a template for one at a time.
        url = postgres.create_database(HOME, name, template=template)
    yield url
    postgres.drop_database(HOME, name)


@pytest.fixture(scope="session")
def make_database(template: str) -> Iterator[Callable[[], str]]:
    """Make migrated databases that stay until all tests have ended; the answer is the URL."""
    with ExitStack() as made:
        yield lambda: made.enter_context(_database(template))


@pytest.fixture(scope="session")
def database_url(make_database: Callable[[], str]) -> str:
    """The database of the API under test, to which tests through HTTP commit."""
    return make_database()


@pytest.fixture(scope="module")
def module_database(template: str) -> Iterator[str]:
    """A migrated database of this file's tests alone."""
    with _database(template) as url:
        yield url


@pytest.fixture
def new_database(template: str) -> Iterator[str]:
    """A migrated database of this test alone."""
    with _database(template) as url:
        yield url


@pytest.fixture(scope="session")
async def engine(make_database: Callable[[], str]) -> AsyncIterator[AsyncEngine]:
    """The database of tests that roll back: its tables are always empty."""
    engine = connect(make_database(), name="test")
    yield engine
    await engine.dispose()


@pytest.fixture
async def own_engine(new_database: str) -> AsyncIterator[AsyncEngine]:
    """A database of this test alone, for several connections that commit."""
    engine = connect(new_database, name="test", connections=40)
    yield engine
    await engine.dispose()


@pytest.fixture
def committing(own_engine: AsyncEngine) -> Sessions:
    """Sessions that really commit, to a database of this test alone."""
    return async_sessionmaker(own_engine, expire_on_commit=False)


@pytest.fixture
async def tx(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A transaction that is rolled back when the test ends."""
    async with (
        engine.connect() as connection,
        AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as tx,
    ):
        yield tx


def context(tx: AsyncSession, user_id: UserId, **later: int) -> Context:
    return Context(tx, Actor(user_id), NOW + timedelta(**later))


@pytest.fixture
def at(tx: AsyncSession) -> At:
    """Build a Context: `at(owner)`, or `at(owner, hours=25)` for a later moment."""

    def build(user_id: UserId, role: Role = Role.MEMBER, **later: int) -> Context:
        return Context(tx, Actor(user_id, role), NOW + timedelta(**later))

    return build


@pytest.fixture
async def owner(tx: AsyncSession) -> UserId:
    return (await make_user(tx, f"owner-{new_id()}")).id


@pytest.fixture
async def rival(tx: AsyncSession) -> UserId:
    return (await make_user(tx, f"rival-{new_id()}")).id


@pytest.fixture(scope="session")
def settings(
    endpoints: Endpoints, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The settings of the API under test: generous where a limit would stop the tests."""
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        database_url=SecretStr(database_url),
        redis_url=SecretStr(endpoints.valkey),
        registrations_a_minute=100_000,
        sign_ins_a_minute=100_000,
        password_memory_kib=8,
        password_passes=1,
        password_lanes=1,
        password_hashes_waiting=500,
        password_hashes_of_one=500,
        pairing_tries_a_minute=100_000,
        device_tokens_a_minute=100_000,
        uploads_at_once=100,
        shortlist_seconds=0,  # What a test ordered a moment ago is on the list.
        public_lists_seconds=0,  # And what it offered.
        model_limit_bytes=2_000_000,
        log_level="WARNING",
        allowed_hosts=["test"],
        second_admin_above="1000000",
        webhooks_to_loopback=True,
        smtp_host="127.0.0.1",  # Mail is written, and waits for a test that sends it.
        mail_from="market@example.org",
        sign_up_by_mail=False,
        target_owners=0,  # Each test's devices have a country of their own.
        quotes_a_minute=100_000,
        exact_answers="anybody",  # Most tests count by hand.
        epsilon_max=100,
        owner_epsilon=100,
        owner_epsilon_max=100,
    )


@pytest.fixture(scope="session")
async def world(settings: Settings, database_url: str) -> AsyncIterator[World]:
    """The API, and people who use it."""
    app = create_app(settings, connect(database_url, name="test api", connections=40))
    transport = httpx2.ASGITransport(with_device_layer(app), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield World(app, client)
