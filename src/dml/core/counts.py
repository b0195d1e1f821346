"""Numbers of items, of one device or of all: whole and never negative; BIGINT in Postgres.

A type of their own, so that nobody adds photos to money (see `core/money.py`).
"""

from typing import NewType

Count = NewType("Count", int)
