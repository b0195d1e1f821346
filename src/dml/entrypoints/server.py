"""The HTTP server: every router, the problem documents, and what surrounds a request."""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts import passwords, sessions
from dml.accounts.agreement.reading import read_demands
from dml.accounts.openid.late import Openid
from dml.accounts.openid.providers import from_settings
from dml.accounts.organisations.acting import act_for
from dml.accounts.photos.studio import Studio
from dml.accounts.roles import Roles
from dml.accounts.tokens import uses
from dml.algorithms.demos.booth import Booth
from dml.algorithms.search.routes import SHARED
from dml.core import metrics, nodes, reads, tracing
from dml.core.db import connect
from dml.core.pool import pool_of
from dml.core.settings import Settings
from dml.edge.connection_limits import Limits
from dml.edge.connections import Connections
from dml.edge.descriptions import (
    PROBLEM_SCHEMA,
    describe_acting,
    describe_edge,
    describe_problems,
    describe_scope,
)
from dml.edge.graphql.late import LateGraph
from dml.edge.graphql.sockets import SOCKETS_AT
from dml.edge.idempotency import Replay, replay
from dml.edge.names import name_operation, name_schemas
from dml.edge.problems import EVERYWHERE, answer_in_problems
from dml.edge.requests import Fallbacks, Requests
from dml.edge.routing import find_at_once
from dml.edge.shared_answers import AtOnce, KeptAnswers, SharedAnswers
from dml.entrypoints import (
    acting,
    chain_wiring,
    collector,
    connection_budget,
    domains,
    fitness,
    listening,
    scopes,
    wiring,
)
from dml.entrypoints.console import serve_console
from dml.entrypoints.docs import serve_docs
from dml.entrypoints.fitness import Needs
from dml.entrypoints.graphiql import serve_graphiql
from dml.entrypoints.observing import observed
from dml.entrypoints.resources import RESOURCES
from dml.entrypoints.safety import require_safe
from dml.feed.describing import describe_events
from dml.feed.watching import EventStreams
from dml.feed.webhooks.reaching import Resolver
from dml.jobs.device_path.layer import DeviceLayer
from dml.jobs.device_path.service import DevicePath
from dml.jobs.watching import Watch
from dml.profiles import sampling
from dml.refused import ExitCode, Refused

HEADERS_SHOWN: Final = (  # To scripts of the origins that may ask.
    *("Content-Range", "ETag", "Idempotency-Replayed", "Location", "Retry-After"),
    *("RateLimit", "RateLimit-Policy"),
    *("Upload-Complete", "Upload-Length", "Upload-Limit", "Upload-Offset"),
    "X-Request-ID",
)
LINGER_SECONDS: Final = 0.25
FILES_BESIDE: Final = 500  # Files that a process opens beside its clients' connections.

DESCRIPTION: Final = """\
A marketplace for machine learning that runs where the data is. Developers upload models, customers
have one run over many people's private data and get one aggregated answer, device owners earn by
letting it run.

* Amounts are strings of whole tokens with at most six decimals, `"12.5"`.
* Times are RFC 3339 in UTC, ids are UUIDv7, written with their hyphens.
* Bodies are JSON in UTF-8 (RFC 8259), in which no object has the same name twice.
* Each read has an `ETag`. Send it as `If-None-Match`, and an unchanged answer is not sent again.
* `HEAD` answers wherever `GET` does. A path has no slash at its end.
* Lists come in pages: `?limit=`, `?cursor=`, and `next_cursor` in the answer.
* Failures are problem documents (RFC 9457) with a stable `code`, what is wrong, and what to do. Who
  prefers HTML, as browsers do, reads them as pages. `/problems` has all of them.
* What is limited in a minute says ahead what is left: `RateLimit-Policy: "sign_in";q=10;w=60` and
  `RateLimit: "sign_in";r=9;t=60` (tries in all, seconds; tries left, seconds until all are back).
* `Idempotency-Key` on a `POST` that creates or moves something makes it safe to repeat for a day.
"""


def create_app(settings: Settings, engine: AsyncEngine) -> FastAPI:
    """Wire the API over this engine. It connects when a request needs it, not before."""
    app = _ahead.pop() if _ahead else _make_app()
    _hang_parts(app, settings, engine)
    app.state.engine = engine
    app.state.kept_answers = KeptAnswers(SHARED, seconds=settings.public_lists_seconds)
    app.add_middleware(SharedAnswers, kept=app.state.kept_answers)
    app.add_middleware(Fallbacks, is_full=lambda: pool_of(engine).is_full())
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=HEADERS_SHOWN,
    )
    app.add_middleware(
        Requests, body_limit_bytes=settings.body_limit_bytes, is_https=settings.is_https
    )
    return app


_ahead = list[FastAPI]()


def make_ahead() -> None:
    """Make all of the next app that needs no settings, in a process of which others are forks."""
    _ahead.append(_make_app())


def _make_app() -> FastAPI:
    """Return the API as it is before it has settings."""
    app = FastAPI(
        title="DML Marketplace",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan,
        responses=EVERYWHERE,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        # Only where somebody listens: each request pays for the look (docs/decisions/0035). What
        # is in a query is cut off by `core/tracing_exporter.py`.
        telemetry={
            "tracing": tracing.is_wanted(),
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": tracing.is_left_out,
        },
        redirect_slashes=False,  # Where to is said by the request's own Host: anybody's.
    )
    answer_in_problems(app)
    app.add_exception_handler(Replay, replay)
    domains.load_processes()
    for router in domains.load_routers():
        app.include_router(router)
    serve_docs(app)
    serve_graphiql(app)
    serve_console(app)
    find_at_once(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings, engine = app.state.settings, app.state.engine
    passwords.configure(settings)
    url = engine.url.render_as_string(hide_password=False)
    most = settings.database_connections + connection_budget.OF_API
    alive = asyncio.create_task(_keep_alive(url, most))
    counting = asyncio.create_task(metrics.keep_writing(wiring.metrics_folder(settings), "api"))
    noting = asyncio.create_task(uses.keep_writing(app.state.sessions))
    app.state.roles = Roles(url)
    app.state.device_path = DevicePath(url, app.state.sessions, app.state.keys, settings)
    async with chain_wiring.endpoints_when_asked(settings) as app.state.chain:
        with metrics.looking(lambda: pool_of(engine).show("api")):
            yield
    await app.state.device_path.close()
    await app.state.roles.close()
    await app.state.watch.close()
    await app.state.event_streams.close()
    await app.state.studio.close()
    await app.state.booth.close()
    app.state.webhook_resolver.close()
    for task in (alive, counting, noting):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await app.state.redis.aclose()
    await engine.dispose()


def _hang_parts(app: FastAPI, settings: Settings, engine: AsyncEngine) -> None:
    """Give the routes what they may use (`edge.http.Parts`)."""
    app.state.settings = settings
    app.state.sessions = wiring.make_sessions(engine)
    app.state.reads = reads.make_reads(engine)
    app.state.redis = wiring.make_redis(settings)
    app.state.keys = wiring.make_keys(settings)
    app.state.blobs = wiring.make_blobs(settings)
    app.state.seal = wiring.make_seal(settings)
    app.state.factor_key = wiring.make_factor_key(settings)
    app.state.quota = collector.make_quota(settings)
    most = settings.streams_of_one_user
    app.state.event_streams = EventStreams(app.state.sessions, streams_of_one_user=most)
    app.state.watch = Watch(app.state.sessions, app.state.event_streams, streams_of_one_user=most)
    app.state.studio = Studio()
    app.state.booth = Booth()
    app.state.demands = read_demands(settings)
    app.state.bells = app.state.event_streams
    app.state.webhook_resolver = Resolver(to_loopback=settings.webhooks_to_loopback)
    app.state.authenticate = sessions.authenticate
    app.state.act_for = act_for
    app.state.for_organisations = acting.FOR_ORGANISATIONS
    app.state.openid = Openid(from_settings(settings), settings)
    app.state.scopes = scopes.scopes_of(domains.load_routers())
    app.state.graph = LateGraph(app, domains.load_graphs)


async def _keep_alive(database_url: str, connections: int) -> None:
    """Say that this process lives, until cancelled, and how many connections it may open.

    By a connection of its own: where many wait for one, it lives all the same.
    """
    signs = connect(database_url, name="dml api signs of life", connections=1)
    try:
        sessions = wiring.make_sessions(signs)
        facts = await connection_budget.tell(sessions, connections)
        await sampling.keep_alive(sessions, nodes.new_name("api"), "api", facts)
    finally:
        await signs.dispose()


def with_device_layer(app: FastAPI) -> DeviceLayer:
    """Put around the API what answers without it: the device path's thin layer, and kept lists."""
    settings: Settings = app.state.settings
    others = AtOnce(app, kept=app.state.kept_answers, is_https=settings.is_https)
    return DeviceLayer(app, others, body_limit_bytes=settings.body_limit_bytes)


def describe(app: FastAPI) -> dict[str, Any]:
    """Write OpenAPI once: FastAPI's, with our problem document in the place of its own 422."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version=app.openapi_version,
            description=app.description,
            routes=app.routes,
            tags=[{"name": it, "description": told} for it, told in RESOURCES.items()],
        )
        schemas = schema["components"]["schemas"]
        schemas["Problem"] = PROBLEM_SCHEMA
        for framework in ("HTTPValidationError", "ValidationError"):
            schemas.pop(framework, None)
        routers = domains.load_routers()  # An app does not tell the routes of what it includes.
        routes = [it for router in routers for it in router.routes if isinstance(it, APIRoute)]
        by_name = {(it.path, method.lower()): it for it in routes for method in it.methods or ()}
        needed = scopes.scopes_of(routers)
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                name_operation(operation, by_name[path, method])
                describe_edge(operation, by_name[path, method], method)
                describe_scope(operation, needed.get(operation["operationId"]))
                describe_acting(operation, acting.FOR_ORGANISATIONS)
        describe_problems(schema)
        describe_events(schema)
        app.openapi_schema = name_schemas(schema)
    return app.openapi_schema


class Server(uvicorn.Server):
    """Stops listening first, answers what is open and what was on its way, and then ends."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sweep = asyncio.create_task(self._connections.sweep())
        _collect_seldom()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        assert isinstance(app, DeviceLayer)
        await self._stop_listening(sockets or [])
        self._connections.drain()
        # The streams, which would never end by themselves.
        await app.app.state.watch.close()
        await app.app.state.event_streams.close()
        # To hang up at once on who is idle would lose the request that he is just sending.
        await asyncio.sleep(LINGER_SECONDS)
        await super().shutdown(sockets)
        self._sweep.cancel()

    async def _stop_listening(self, sockets: list[socket.socket]) -> None:
        """Take whoever has connected already: to close the socket would hang up on them."""
        loop, accepted = asyncio.get_running_loop(), list[socket.socket]()
        for one in sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    accepted.append(one.accept()[0])
        for server in self.servers:
            server.close()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        return self._connections(self.config, self.server_state, self.lifespan.state)


def _limits(settings: Settings) -> Limits:
    """The limits of connections; of their number, what the system lets a process open, too."""
    needed = settings.connections + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return Limits(
        head_seconds=settings.request_head_seconds,
        body_seconds=settings.request_body_seconds,
        progress_seconds=settings.request_progress_seconds,
        reading_seconds=settings.answer_stalled_seconds,
        connections=max(1, min(settings.connections, soft - FILES_BESIDE)),
        of_one_address=settings.connections_of_one_address,
        trusted=settings.trusted_proxies,
        upload_bytes=settings.upload_progress_bytes,
    )


def _collect_seldom() -> None:
    """Look for cycles of objects a tenth as often, and no more through what a start left.

    A request makes a few hundred objects and hardly a cycle: to look for some after every 700 of
    them cost a tenth of the processor time, and a fifth on the device path (docs/decisions/0007).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def run(settings: Settings) -> int:
    """Serve until SIGTERM; then finish open requests for as long as the settings allow."""
    require_safe(settings)
    # uvicorn raises the signal again once all is answered. Unhandled, it would end this process
    # before it had sent what is still to be told of it.
    signal.signal(signal.SIGTERM, _end)
    with observed(settings, "api"):
        return _run(settings)


def _end(*_: object) -> None:
    raise SystemExit(ExitCode.DONE)


def _run(settings: Settings) -> int:
    fitness.require_now(wiring.database_url(settings), Needs.WORK)
    connections = Connections(_limits(settings), sockets_at=SOCKETS_AT.encode())
    config = uvicorn.Config(
        with_device_layer(create_app(settings, wiring.make_engine(settings, "dml api"))),
        http=connections,  # type: ignore[arg-type]  # It is called as the class would be.
        ws="none",  # Where uvicorn would take one. Ours: `edge/connections.py`.
        ws_max_size=settings.body_limit_bytes,
        ws_per_message_deflate=False,  # It would take as much memory as all else of a quiet one.
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        timeout_keep_alive=75,
        backlog=listening.BACKLOG,
    )
    try:
        sockets = listening.open_sockets(settings.host, settings.port, shared=settings.share_port)
    except OSError as error:
        raise Refused(
            f"cannot listen on {settings.host}, port {settings.port} ({error.strerror}): "
            "end what listens there, or choose another DML_PORT or DML_HOST"
        ) from error
    Server(config, connections).run(sockets)
    return 0
