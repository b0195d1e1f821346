"""Whether a database is ready for this code, as far as a home remembers: then nobody need look.

To look takes two seconds, for what looks are Alembic and the engine. The API looks at the revision
too, each time that it is asked whether it is ready, and so finds out where the memory is wrong.
"""

import hashlib
import importlib.metadata
import json

from dml.entrypoints import shipped
from dml.entrypoints.embedded import places
from dml.entrypoints.supervisor.plan import Plan, recall, remember


def is_remembered(plan: Plan) -> bool:
    return recall(plan).prepared == _fingerprint(plan)


def keep(plan: Plan) -> None:
    """Remember that this database was made ready for this code."""
    remember(plan, prepared=_fingerprint(plan))


def _fingerprint(plan: Plan) -> str:
    """Tells one database, and one state of what changes databases, from every other."""
    site = places.find(plan.home)
    database = plan.database_url or (site.state.cluster_id if site else "")
    files = sorted(shipped.folder("migrations").rglob("*.py"))
    migrations = [(it.name, hashlib.sha256(it.read_bytes()).hexdigest()) for it in files]
    engine = importlib.metadata.version("dbos")
    text = json.dumps([database, list(plan.commands.migrate), migrations, engine])
    return hashlib.sha256(text.encode()).hexdigest()
