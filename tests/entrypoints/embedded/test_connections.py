"""Who may connect, and that everything which we use can read the URLs."""

from pathlib import Path

import asyncpg
import psycopg
import pytest
import redis
import sqlalchemy
from redis import asyncio as redis_asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.ext.asyncio import create_async_engine

from dml.entrypoints.embedded import postgres, servers, valkey
from dml.refused import Refused
from tests.entrypoints.embedded.user import (
    User,
    mode,
    owner,
    postmaster,
    sql,
    valkey_answers,
    valkey_process,
    works,
)

NASTY = "a b 50%25&host=x#y?z+w@v:1;é\\[*]"


def test_only_the_applications_role_may_come_in_and_it_is_no_superuser(
    user: User, used: Path
) -> None:
    state = user.up(used)
    who = "SELECT current_user, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert sql(state, who) == [("dml", False, False)]
    sql(state, "CREATE TABLE t (i int)")  # It owns the database, so its schema "public" too.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sql(state, "COPY t FROM PROGRAM 'id'")
    right = f"dml:{state.app_password}@"
    for login in ("dml@", "dml:wrong@", "postgres@", f"postgres:{state.superuser_password}@"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{login}127.0.0.1:{state.port}/dml")
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(f"postgresql://{right}127.0.0.1:{state.port}/postgres")
    with pytest.raises(psycopg.OperationalError, match="password"):  # On the socket too.
        psycopg.connect(f"host='{state.run}' port={state.port} user=postgres dbname=postgres")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(unix_socket_path=f"{state.run}/valkey.sock", retry=Retry(NoBackoff(), 0)).ping()
    with redis.from_url(valkey.url(state)) as client:
        assert client.config_get("port") == {"port": "0"}


def test_nothing_of_it_is_roots_and_no_secret_shows(user: User, used: Path) -> None:
    state = user.up(used)
    assert mode(used / "state.json") == 0o600
    assert mode(state.run) == mode(Path(state.place) / "postgres") == 0o700
    processes = [postmaster(used), valkey_process(used)]
    assert 0 not in [owner(process) for process in processes]
    for secret in (state.superuser_password, state.app_password, state.valkey_password):
        for log in ("postgres.log", "valkey.log"):
            assert secret not in (Path(state.place) / log).read_text()
        for process in processes:
            assert secret.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


@pytest.mark.parametrize(
    "name", ["quo\"te's, comma", NASTY, pytest.param("x" * 150, marks=pytest.mark.slow)]
)
async def test_every_client_reads_the_urls_from_any_folder(
    user: User, home: Path, name: str
) -> None:
    state = user.up(name)
    for url in (postgres.url(state), postgres.socket_url(state)):
        direct = await asyncpg.connect(url)
        assert await direct.fetchval("SELECT current_user") == "dml"
        await direct.close()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("dml",)
        for driver in ("asyncpg", "psycopg"):
            engine = create_async_engine(url.replace("postgresql", f"postgresql+{driver}"))
            async with engine.connect() as session:
                assert await session.scalar(sqlalchemy.text("SELECT current_user")) == "dml"
            await engine.dispose()
    async with redis_asyncio.from_url(valkey.url(state)) as client:
        assert await client.ping()


def test_a_further_database_is_the_applications_own(user: User, used: Path) -> None:
    state = user.up(used)
    sql(state, "CREATE TABLE copied AS SELECT 7 AS n")
    url = postgres.create_database(used, "dml_test_1", template="dml")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM copied").fetchone() == (7,)
        connection.execute("CREATE TABLE mine (i int)")
        connection.commit()
        psycopg.connect(postgres.url(state) + "_test_1").close()  # Over TCP too.
        postgres.drop_database(used, "dml_test_1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_a_superuser_may_ask_anything(user: User, used: Path) -> None:
    user.up(used)
    assert postgres.run_sql(used, "SELECT 1, 'a'; SELECT session_user") == "1\ta\npostgres\n"
    with pytest.raises(Refused, match="syntax error"):
        postgres.run_sql(used, "SELEKT")
    with pytest.raises(Refused, match="no servers were ever started"):
        postgres.run_sql(used / "elsewhere", "SELECT 1")


def test_settings_hold_from_the_start_on(user: User, used: Path) -> None:
    if user.drop:
        pytest.skip("starts in this very process, as whoever runs the tests")
    servers.up(used, settings={"work_mem": "7MB"})
    assert postgres.run_sql(used, "SHOW work_mem") == "7MB\n"
    servers.up(used, settings={"work_mem": "9MB"})
    assert postgres.run_sql(used, "SHOW work_mem") == "7MB\n"


def test_each_server_can_be_started_alone(user: User, used: Path) -> None:
    assert user.call("start_valkey", used).returncode == 0
    assert valkey_answers(user.state(used))
    assert postgres.process(used) is None
    user.down(used)
    assert user.call("start_postgres", used).returncode == 0
    assert sql(user.state(used), "SELECT 1") == [(1,)]
    assert valkey.process(used) is None


def test_two_checkouts_run_side_by_side(user: User, used: Path) -> None:
    one, other = user.up(used), user.up(used.with_name("other"))
    assert one.port != other.port
    sql(one, "CREATE TABLE mine (i int)")
    sql(other, "CREATE TABLE mine (i int)")
    user.down(used)
    assert works(other)
