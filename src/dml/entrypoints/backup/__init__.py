"""Backups: all that a marketplace is, in files that only the holder of `DML_BACKUP_KEY` can read.

A *place* (a folder, or a bucket) holds many backups. Each is PostgreSQL as of one moment, the keys
of the home, and a list of the uploaded files that rows name; those lie beside the backups, each
once. What makes it a backup is its manifest, which comes last: what was cut off before has none.

    place/key.json                 how the key follows from the passphrase
    place/files/ab/abcd…           uploaded files, for all backups
    place/backups/<name>/…         database, files (a list), keys.json, …, and manifest.json

Read: key (what encrypts), place (where it lies), manifest, postgres (its own programs), then
making, verifying and restoring; nightly makes one each day, and keeping removes the oldest.
docs/decisions/0078 says why so.
"""
