"""The restore drill: a marketplace with people, money, work and files comes back elsewhere, whole.

And what must not be: restored over another, into one that runs, of what was cut off or altered.
"""

import asyncio
import resource
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest
from alembic.script import ScriptDirectory
from obstore.store import MemoryStore
from pydantic import SecretStr
from sqlalchemy import text

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints import collector, doctor, shipped
from dml.entrypoints.backup import due, making, manifest as manifests, nightly, restoring, verifying
from dml.entrypoints.backup.key import BackupKey, Damaged, WrongKey
from dml.entrypoints.backup.manifest import Manifest
from dml.entrypoints.backup.place import Place
from dml.entrypoints.backup.telling import SILENT
from dml.jobs.models import JobState
from dml.refused import Refused
from tests.chain.people import add_vault
from tests.entrypoints.backup.markets import (
    Market,
    elsewhere,
    restore,
    rows,
    serving,
    url_of,
)
from tests.entrypoints.backup.places import PASSPHRASE, change, make_place
from tests.jobs.factories import fold, make_job, make_version, settle, work
from tests.world import PASSWORD, Person

SUMS = "SELECT code, balance FROM ledger_accounts ORDER BY code"


@pytest.fixture(scope="module")
async def market(
    settings: Settings, module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Market]:
    home, folder = tmp_path_factory.mktemp("market"), tmp_path_factory.mktemp("backups")
    own = settings.model_copy(
        update={"database_url": SecretStr(module_database), "home": home, "local_chain": False}
    )
    place, key = await make_place(folder)
    async with serving(own) as world:
        job = await make_job(world, max_devices=7)
        await work(world, job, 7)
        await fold(world)
        assert await settle(world, job, JobState.COMPLETED) == "settled"
        await make_version(world, job.developer, model=b"another model of theirs")
        await work(world, await make_job(world, answers="noisy", epsilon=1), 2)
        async with world.parts.sessions.begin() as tx:
            await add_vault(tx)
        whole, made = await making.make(own, place, key, SILENT)
        assert (made.missing, made.new_files) == ([], whole.files)
        yield Market(own, world, job, place, key, whole, folder)


def cut_off(market: Market, folder: Path) -> Place:
    """The same place, where the last bytes of the database are lost."""
    shutil.copytree(market.folder, folder)
    path = folder / "backups" / market.whole.name / "database"
    change(path, path.stat().st_size - 1_000)
    return Place.at(str(folder))


async def test_all_of_it_comes_back_elsewhere(market: Market, tmp_path: Path) -> None:
    before = rows(market.settings, SUMS)
    with elsewhere(market, tmp_path / "home") as settings:
        with pytest.raises(Damaged, match="is cut off"):
            await restore(market, settings, cut_off(market, tmp_path / "cut"))
        assert rows(settings, "SELECT relname FROM pg_class WHERE relname = 'users'") == []
        await restore(market, settings)
        assert rows(settings, SUMS) == before
        assert len(before) > 5
        assert (await doctor.examine(url_of(settings), settings)).complaints == []
        assert rows(settings, "SELECT restored_at IS NOT NULL FROM vaults") == [(True,)]
        assert rows(settings, "SELECT * FROM nodes") == []
        marked = "SELECT answers, restored_at IS NOT NULL FROM jobs ORDER BY answers"
        assert rows(settings, marked) == [("exact", False), ("noisy", True)]
        async with serving(settings) as world:
            customer = market.job.customer
            again = Person(customer.id, customer.email, customer.token, world.client)
            results = (await again.get(f"{market.job.path}/results")).json()  # By the old token.
            assert results == await market.job.results()
            body = {"email": customer.email, "password": PASSWORD}
            signed_in = await world.client.post("/v1/users/authenticate", json=body)
            assert signed_in.status_code == 200, signed_in.text
            (version,) = rows(settings, "SELECT sha256 FROM algorithm_versions LIMIT 1")
            assert await world.parts.blobs.get(version[0])
        for name in ("keys.json", "scorer.key", "factors.key"):
            restored, kept = settings.home / name, market.settings.home / name
            assert restored.exists() == kept.exists()
            if kept.exists():
                assert restored.read_bytes() == kept.read_bytes()
                assert restored.stat().st_mode & 0o777 == 0o600


async def test_it_is_read_whole_and_told_in_words(market: Market) -> None:
    read = await verifying.verify(market.settings, market.place, market.key, market.whole, SILENT)
    assert list(read.wrong) == []
    said = "\n".join(verifying.in_words(read))
    assert f"schema {market.whole.schema}" in said
    assert "jobs 2," in said
    assert "versions of models 3," in said
    assert "keys.json: the keys that sign tokens" in said
    in_the_clear = b"".join(it.read_bytes() for it in market.folder.rglob("*") if it.is_file())
    for secret in (b"example.org", b"a model that these", PASSPHRASE.encode()):
        assert secret not in in_the_clear


async def test_the_next_one_copies_new_files_alone_and_old_ones_go(
    market: Market, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    shutil.copytree(market.folder, folder)
    place = Place.at(str(folder))
    key = await manifests.open_key(place, PASSPHRASE)
    (folder / "backups" / "20200101T000000Z-abcdef").mkdir()
    (folder / "backups" / "20200101T000000Z-abcdef" / "database").write_bytes(b"cut off")
    (folder / "files" / "00").mkdir(exist_ok=True)
    (folder / "files" / "00" / ("00" * 32)).write_bytes(b"no backup names it")
    whole, made = await making.make(market.settings, place, key, SILENT, keep=1)
    assert (made.new_files, whole.files) == (0, market.whole.files)
    assert [it.name for it in await manifests.list_whole(place, key)] == [whole.name]
    assert await manifests.list_names(place) == [whole.name]
    assert not (folder / "files" / "00" / ("00" * 32)).exists()
    read = await verifying.verify(market.settings, place, key, whole, SILENT)
    assert list(read.wrong) == []


async def test_one_that_is_cut_off_is_none(market: Market, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    place, key = await make_place(folder)
    task = asyncio.create_task(making.make(market.settings, place, key, SILENT))
    while not (await manifests.list_names(place)):
        assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(Refused, match="no whole backup"):
        await manifests.find(place, key, None)
    left = folder / "backups" / "20200101T000000Z-abcdef"  # As one that was killed leaves it.
    shutil.copytree(market.folder / "backups" / market.whole.name, left)
    (left / "manifest.json").unlink()
    with pytest.raises(Refused, match="it is none"):
        await manifests.find(place, key, left.name)


@pytest.mark.parametrize("part", ["database", "files", "contents", "keys.json"])
@pytest.mark.parametrize("how", ["cut", "altered", "missing"])
async def test_what_was_done_to_a_part_is_found(
    market: Market, tmp_path: Path, part: str, how: str
) -> None:
    folder = tmp_path / "backups"
    shutil.copytree(market.folder, folder)
    path = folder / "backups" / market.whole.name / part
    if how == "missing":
        path.unlink()
    else:
        change(path, path.stat().st_size - 20, 1 if how == "altered" else None)
    place = Place.at(str(folder))
    with pytest.raises(Damaged):
        await verifying.verify(market.settings, place, market.key, market.whole, SILENT)


async def test_a_file_that_is_damaged_is_named(market: Market, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    shutil.copytree(market.folder, folder)
    first, second = sorted((folder / "files").rglob("*/*"))[:2]
    change(first, 30, 1)
    second.unlink()
    place = Place.at(str(folder))
    read = await verifying.verify(market.settings, place, market.key, market.whole, SILENT)
    assert len(read.wrong) == 2
    assert "was altered" in " ".join(read.wrong)
    assert "is missing" in " ".join(read.wrong)
    with elsewhere(market, tmp_path / "home") as settings, pytest.raises(Damaged):
        await restore(market, settings, place)


async def test_a_manifest_that_was_altered_or_put_elsewhere_is_refused(
    market: Market, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    shutil.copytree(market.folder, folder)
    path = folder / "backups" / market.whole.name / "manifest.json"
    path.write_text(path.read_text().replace('"schema": "0', '"schema": "9'))
    place = Place.at(str(folder))
    with pytest.raises(Damaged, match="was altered"):
        await manifests.find(place, market.key, None)
    path.parent.rename(path.parent.with_name("20990101T000000Z-abcdef"))
    with pytest.raises(Damaged, match="is that of"):
        await manifests.find(place, market.key, None)
    (path.parent.with_name("20990101T000000Z-abcdef") / "manifest.json").write_text("{")
    with pytest.raises(Damaged, match="is damaged"):
        await manifests.list_whole(place, market.key)
    assert await manifests.list_whole(place) == []


async def test_another_key_is_refused(market: Market) -> None:
    with pytest.raises(WrongKey):
        await manifests.open_key(market.place, "another passphrase of mine")


async def test_a_newer_schema_names_the_release_that_made_it(market: Market) -> None:
    newer = Manifest(
        name="n",
        taken_at=datetime.now(UTC),
        release="9.9.9",
        schema="9999",
        postgres=18,
        parts=(),
        files=0,
        files_size=0,
        missing=0,
    )
    with pytest.raises(Refused, match=r"made by release 9\.9\.9 \(schema 9999\)"):
        restoring.require_known(newer)
    restoring.require_known(market.whole)


async def test_one_of_an_older_release_is_brought_up_to_date(
    market: Market, tmp_path: Path, new_database: str
) -> None:
    """As a release before this wrote it: without the columns that payouts and answers wait by."""
    settings_then = market.settings.model_copy(
        update={"database_url": SecretStr(new_database), "home": tmp_path / "old"}
    )
    engine = connect(new_database, name="test")
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE vaults DROP COLUMN restored_at"))
        for table, columns in NEWER.items():
            drops = ", ".join(f"DROP COLUMN {it}" for it in columns)
            await connection.execute(text(f"ALTER TABLE {table} {drops}"))
        for table in NEWER_TABLES:
            await connection.execute(text(f"DROP TABLE {table}"))
        older = {"older": revision_before("0045")}
        await connection.execute(text("UPDATE alembic_version SET version_num = :older"), older)
    await engine.dispose()
    place, key = await make_place(tmp_path / "backups")
    whole, _ = await making.make(settings_then, place, key, SILENT)
    assert whole.schema == revision_before("0045")
    with elsewhere(market, tmp_path / "home") as settings:
        await restoring.restore(settings, url_of(settings), place, (key, whole), SILENT)
        assert (await doctor.examine(url_of(settings), settings)).complaints == []


NEWER: Final = {
    "jobs": ("max_norm", "restored_at", "manifest_sha256", "revision", "precision"),
    "job_totals": ("clipped",),
    "job_releases": ("clipped", "clipped_scale"),
    "owner_limits": ("refused_countries", "max_epsilon"),
    "nodes": ("asked",),
}
NEWER_TABLES: Final = ("job_manifests", "job_folds", "crowds", "profile_files", "profiles")


def revision_before(revision: str) -> str:
    found = ScriptDirectory(str(shipped.folder("migrations"))).get_revision(revision)
    assert found is not None
    assert isinstance(found.down_revision, str)
    return found.down_revision


async def test_a_running_marketplace_is_refused(market: Market, tmp_path: Path) -> None:
    settings = market.settings.model_copy(update={"home": tmp_path / "home"})
    with pytest.raises(restoring.Runs, match="a marketplace runs on this database"):
        await restore(market, settings)
    assert not (tmp_path / "home").exists()


async def test_a_database_that_holds_tables_is_refused(
    market: Market, tmp_path: Path, new_database: str
) -> None:
    changes = {"home": tmp_path / "home", "database_url": SecretStr(new_database)}
    with pytest.raises(Refused, match="this database is not empty"):
        await restore(market, market.settings.model_copy(update=changes))
    assert not (tmp_path / "home").exists()


async def test_keys_of_another_marketplace_are_not_replaced(market: Market, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    with (
        elsewhere(market, tmp_path) as settings,
        pytest.raises(Refused, match=r"keys\.json is there, and is another"),
    ):
        await restore(market, settings)
    assert (tmp_path / "keys.json").read_text() == "{}"


async def test_while_a_backup_is_made_no_file_is_deleted_and_no_other_is_made(
    market: Market, tmp_path: Path
) -> None:
    parts = market.world.parts
    later = datetime.now(UTC) + timedelta(days=3)
    place, key = await make_place(tmp_path / "backups")
    with psycopg.connect(url_of(market.settings), autocommit=True) as guard:
        making._take_turn(guard, SILENT)
        assert await collector.collect(parts.sessions, parts.blobs, parts.settings, later) == 0
        with pytest.raises(making.AnotherIsMade):
            await making.make(market.settings, place, key, SILENT)
    assert await manifests.list_names(place) == []


async def test_a_file_that_is_gone_is_told_and_keeps_nobody_from_a_backup(
    market: Market, tmp_path: Path
) -> None:
    gone = market.settings.model_copy(update={"blobs": tmp_path / "nothing"})
    place, key = await make_place(tmp_path / "backups")
    whole, made = await making.make(gone, place, key, SILENT)
    assert (whole.files, whole.missing) == (0, market.whole.files)
    assert len(made.missing) == market.whole.files
    read = await verifying.verify(gone, place, key, whole, SILENT)
    assert list(read.wrong) == []
    assert "were not there when it was made" in "\n".join(verifying.in_words(read))


async def test_a_full_disk_is_said_in_one_line_and_leaves_no_backup(
    market: Market, tmp_path: Path
) -> None:
    """As a limit of files' sizes: what the system then answers differs by its number alone."""
    place, key = await make_place(tmp_path / "backups")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(Refused, match="backups: "):
            await making.make(market.settings, place, key, SILENT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await manifests.list_names(place) == []
    assert [it.name for it in (tmp_path / "backups").rglob("*") if it.is_file()] == ["key.json"]


async def test_a_bucket_holds_them_as_a_folder_does(market: Market) -> None:
    place = Place(MemoryStore(), "memory")
    key, kept = BackupKey.make(PASSPHRASE, operations=1, memory_bytes=8192)
    assert await place.put_new("key.json", kept)
    assert not await place.put_new("key.json", b"another")
    await making.make(market.settings, place, key, SILENT)
    second, made = await making.make(market.settings, place, key, SILENT, keep=1)
    assert made.new_files == 0
    assert [it.name for it in await manifests.list_whole(place, key)] == [second.name]
    read = await verifying.verify(market.settings, place, key, second, SILENT)
    assert list(read.wrong) == []


async def test_the_backup_of_a_day_is_made_once(market: Market, tmp_path: Path) -> None:
    await make_place(tmp_path / "backups")
    settings = market.settings.model_copy(
        update={"backup_to": str(tmp_path / "backups"), "backup_key": SecretStr(PASSPHRASE)}
    )
    now = datetime.now(UTC)
    (none,) = await due.find_late(settings, now)
    assert "there is none" in none
    assert await nightly.make_due(settings, now)
    assert not await nightly.make_due(settings, now)
    assert await due.find_late(settings, now) == []
    (late,) = await due.find_late(settings, now + timedelta(days=3))
    assert "the newest is of" in late
    (away,) = await due.find_late(market.settings.model_copy(update={"backup_to": "/nowhere"}), now)
    assert "there is no folder" in away
