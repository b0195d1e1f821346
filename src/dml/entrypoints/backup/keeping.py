"""Which backups stay: the newest so many, and the uploaded files that one of them names."""

from dml.entrypoints.backup import manifest as manifests, verifying
from dml.entrypoints.backup.key import BackupKey
from dml.entrypoints.backup.manifest import FOLDER
from dml.entrypoints.backup.place import Place


async def remove_old(place: Place, key: BackupKey, keep: int) -> list[str]:
    """Remove all but the newest, what was cut off before them, and files that none of them names.

    For who holds the turn to make one. The manifest goes first: what is left without is no backup.
    """
    whole = await manifests.list_whole(place, key)
    kept = whole[-keep:]
    names = {it.name for it in kept}
    gone = [it for it in await manifests.list_names(place) if it not in names]
    for name in gone:
        await place.delete([manifests.path(name, "manifest.json")])
        await place.delete_below(f"{FOLDER}/{name}")
    if gone:
        await _remove_files(place, key, names)
    return gone


async def _remove_files(place: Place, key: BackupKey, names: set[str]) -> None:
    """Remove the uploaded files that no kept backup names. One that can't be read keeps all."""
    needed = set[bytes]()
    for name in names:
        manifest = await manifests.read(place, name, key)
        for sha256 in await verifying.read_hashes(place, key, manifest):
            needed.add(bytes.fromhex(key.name(sha256)))
    async for some in place.list_files("files"):
        old = [path for path, _ in some if bytes.fromhex(path.rpartition("/")[2]) not in needed]
        await place.delete(old)
