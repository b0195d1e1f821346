"""What the ordinary endpoints are measured by: FastAPI and SQLAlchemy with nothing around them.

DML_DATABASE_URL=… DML_PORT=… python -m benchmarks.bare
"""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from dml.algorithms.models import Algorithm

ROWS = 20


class Row(BaseModel):
    id: UUID
    developer_id: UUID
    title: str
    summary: str
    kind: str
    tags: list[str]
    data_kind: str
    device_fee: int
    state: str
    created_at: datetime


class Page(BaseModel):
    items: list[Row]


def make_app(database_url: str) -> FastAPI:
    """An endpoint that does nothing, and one that lists twenty rows, as a tutorial has them."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    sessions = async_sessionmaker(create_async_engine(url, pool_size=10, max_overflow=0))
    app = FastAPI()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as tx:
            yield tx

    @app.get("/empty")
    async def empty() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/list")
    async def listed(tx: Annotated[AsyncSession, Depends(session)]) -> Page:
        query = select(*(getattr(Algorithm, it) for it in Row.model_fields))
        rows: list[Any] = list(
            await tx.execute(
                query.where(Algorithm.kept_state == "listed").order_by(Algorithm.id).limit(ROWS)
            )
        )
        return Page(items=[Row.model_validate(it._mapping) for it in rows])

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(os.environ["DML_DATABASE_URL"]),
        port=int(os.environ["DML_PORT"]),
        access_log=False,
        log_level="warning",
    )
