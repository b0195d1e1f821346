"""Makes requests and questions, sends them, and judges the answers."""

import contextlib
import copy
import json
import random
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies
from hypothesis.errors import Unsatisfiable
from hypothesis_graphql import mutations, nodes, queries
from schemathesis import Case, GenerationMode, checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok

from tests.edge.walking import resolve

SECONDS: Final = 30.0  # Until an answer is there.
SHARE_OF_KNOWN_IDS: Final = 0.7
SHARE_OF_EXAMPLES: Final = 0.6
SHARE_OF_CHANGED: Final = 0.5
SHARE_OF_GRAPH: Final = 0.15
IDS_KEPT: Final = 50
CHECKED: Final = (
    *(checks.status_code_conformance, checks.content_type_conformance),
    *(checks.response_headers_conformance, checks.response_schema_conformance),
)
# Bodies that are bytes, whatever they are called.
schemathesis.serializer.alias(
    ["application/partial-upload", "application/onnx", "application/vnd.apache.parquet"]
    + [f"image/{it}" for it in ("png", "jpeg", "webp")],
    "application/octet-stream",
)
# Operations that are not asked, each with its reason.
LEFT_OUT: Final = {
    "events.watch": "A stream does not end.",
    "jobs.watch": "The same.",
    "users.erase_me": "It would be the last request of whoever asks.",
    "sessions.delete": "The same.",
    "sessions.revoke_all": "The same.",
    "users.set_role": "The same: an admin may make all others members.",
    "users.suspend": "The same.",
}
_TAKEN: Final = ("headers", "params", "json", "files")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that should not be: who asked what, and what is wrong with it."""

    role: str
    asked: str  # As a command for curl, or as a question.
    wrong: str


@dataclass
class Fuzzer:
    """Asks as several callers, each with the headers by which it is known just now."""

    url: str
    callers: Mapping[str, Callable[[], Mapping[str, str]]]
    number: int  # The seed.
    openapi: dict[str, Any]
    graph: str
    faults: dict[str, Fault] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    told_by_graph: Counter[str] = field(default_factory=Counter)  # Data, or the codes of errors.

    def __post_init__(self) -> None:
        self._random = random.Random(self.number)
        self._schema = schemathesis.openapi.from_dict(self.openapi)
        self._ids: dict[str, list[str]] = {}
        self._strategies: dict[Any, Any] = {}
        self._client = httpx2.Client(base_url=self.url, timeout=SECONDS, follow_redirects=False)

    def run(self, *, seconds: float, examples: int) -> None:
        """Ask each operation as each caller, again and again, until the time is up."""
        until = time.monotonic() + seconds
        rounds = self._rounds(examples)
        while time.monotonic() < until:
            next(rounds)()
        self._client.close()

    def _rounds(self, examples: int) -> Iterator[Callable[[], None]]:
        """Yield, in an order that the seed tells, what is to be done next."""
        found = [it.ok() for it in self._schema.get_all_operations() if isinstance(it, Ok)]
        assert len(found) > 100, "what OpenAPI says cannot be read"
        operations = [it for it in found if it.definition.raw["operationId"] not in LEFT_OUT]
        while True:
            self._random.shuffle(operations)
            for operation in operations:
                for role in self._random.sample(sorted(self.callers), len(self.callers)):
                    mode = self._random.choice(list(GenerationMode))
                    number = self._random.getrandbits(32)
                    made = self._made(operation, mode)
                    yield partial(self._ask, made, examples, number, partial(self._send, role))
                    if self._random.random() < SHARE_OF_GRAPH:
                        number = self._random.getrandbits(32)
                        ask = partial(self._question, role)
                        yield partial(self._ask, self._questions(), examples, number, ask)

    def _made(self, operation: Any, mode: GenerationMode) -> Any:
        """Return what makes requests of this operation. To make that takes a while."""
        known = (operation.label, mode)
        if known not in self._strategies:
            self._strategies[known] = operation.as_strategy(generation_mode=mode)
        return self._strategies[known]

    def _ask(self, made: Any, examples: int, number: int, send: Callable[[Any], None]) -> None:
        """Make some examples and send each."""

        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(made)
        def one(example: Any) -> None:
            send(example)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of what they make, not of what we answer.
            # There is nothing wrong to be sent where nothing is asked for.
            with contextlib.suppress(Unsatisfiable):
                one()

    def _send(self, role: str, case: Case[Any]) -> None:
        self._begin_with_example(case)
        self._use_known_ids(case)
        headers = {**dict(case.headers or {}), **self.callers[role]()}
        request = case.as_transport_kwargs(base_url=self.url, headers=headers)
        try:
            answer = self._client.request(
                request.pop("method"), request.pop("url"), **_for_client(request)
            )
        except (httpx2.InvalidURL, httpx2.LocalProtocolError, UnicodeEncodeError, ValueError):
            return  # No client could send it.
        except httpx2.TransportError as error:
            self._fault(role, case.operation.label, case.as_curl_command(), repr(error))
            return
        self.answers[role, answer.status_code] += 1
        self._learn(case.operation.path, answer)
        if answer.status_code >= 500 and answer.status_code != 503:
            self._fault(role, case.operation.label, case.as_curl_command(), answer.text[:1_000])
            return
        try:
            case.validate_response(answer, checks=list(CHECKED), headers=headers)
        except FailureGroup as failures:
            wrong = "; ".join(f"{type(it).__name__}: {it}" for it in failures.exceptions)
            self._fault(role, case.operation.label, case.as_curl_command(), wrong[:2_000])
        except Failure as failure:
            self._fault(role, case.operation.label, case.as_curl_command(), str(failure)[:2_000])

    def _questions(self) -> Any:
        scalars = {
            "Amount": strategies.just(nodes.String("1.5")),
            "BigInt": strategies.just(nodes.Int(1)),
            "Date": strategies.just(nodes.String("2026-01-01")),
            "DateTime": strategies.just(nodes.String("2026-01-01T00:00:00Z")),
            "JSON": strategies.just(nodes.String("x")),
        }
        made = self._random.choice((queries, queries, mutations))
        return made(self.graph, custom_scalars=scalars)

    def _question(self, role: str, question: str) -> None:
        headers = dict(self.callers[role]())
        for _ in range(2):
            known = self._random.choice([it for ids in self._ids.values() for it in ids] or [""])
            if known:
                question = question.replace('id: ""', f'id: "{known}"', 1)
        answer = self._client.post("/graphql", json={"query": question}, headers=headers)
        self.answers[role, answer.status_code] += 1
        told = answer.json() if answer.headers["content-type"].startswith("application/") else {}
        bugs = [it for it in told.get("errors", ()) if _is_bug(it)]
        self.told_by_graph.update(_outcome(told))
        if bugs or (answer.status_code >= 500 and answer.status_code != 503):
            self._fault(role, "graph", question, answer.text[:1_000])
        elif not {"data", "errors", "code"} & told.keys():
            self._fault(role, "graph", question, f"neither data nor errors: {answer.text[:500]}")

    def _begin_with_example(self, case: Case[Any]) -> None:
        """Have a body often be the example that OpenAPI has, but for a field or none: what is made
        at random is refused for its form, and never gets to the rules behind.
        """
        content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
        schema = resolve(self.openapi, content.get("application/json", {}).get("schema", {}))
        if "examples" not in schema or not isinstance(case.body, dict):
            return
        if self._random.random() < SHARE_OF_EXAMPLES:
            body, made = copy.deepcopy(schema["examples"][0]), case.body
            if made and self._random.random() < SHARE_OF_CHANGED:
                name = self._random.choice(sorted(made))
                body[name] = made[name]
            case.body = body

    def _use_known_ids(self, case: Case[Any]) -> None:
        """Have what is made at random meet what there is, more often than not."""
        for name, value in (case.path_parameters or {}).items():
            known = self._ids.get(name)
            if known and self._random.random() < SHARE_OF_KNOWN_IDS and _UUID.fullmatch(str(value)):
                case.path_parameters[name] = self._random.choice(known)
        if isinstance(case.body, dict):
            for name in case.body:
                known = self._ids.get(name)
                if known and self._random.random() < SHARE_OF_KNOWN_IDS:
                    case.body[name] = self._random.choice(known)

    def _learn(self, path: str, answer: httpx2.Response) -> None:
        """Keep the ids that an answer tells, by what they are of."""
        if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
            return
        if not answer.content:  # It was asked by HEAD.
            return
        words = [it for it in path.split("/") if it and "{" not in it]
        own = f"{words[-1].replace('-', '_').removesuffix('s')}_id" if words else "id"
        own = own.replace("bountie_id", "bounty_id")
        for name, value in _ids_in(answer.json()):
            kept = self._ids.setdefault(own if name == "id" else name, [])
            if value not in kept and len(kept) < IDS_KEPT:
                kept.append(value)

    def _fault(self, role: str, label: str, asked: str, wrong: str) -> None:
        """Note one of a kind: the same again says no more."""
        kind = f"{label}: {re.sub(r'[0-9a-f-]{16,}|[0-9.]+', '…', wrong)[:200]}"
        self.faults.setdefault(kind, Fault(role, asked, wrong))


def _for_client(request: dict[str, Any]) -> dict[str, Any]:
    """Of what requests would take, what httpx2 takes."""
    taken = {name: it for name, it in request.items() if name in _TAKEN}
    data = request.get("data")
    if data is not None:
        taken["content"] = data if isinstance(data, bytes | str) else json.dumps(data)
    return taken


def _outcome(told: Mapping[str, Any]) -> set[str]:
    codes = {str(it.get("extensions", {}).get("code")) for it in told.get("errors", ())}
    return codes | ({"data"} if told.get("data") else set())


def _is_bug(error: Mapping[str, Any]) -> bool:
    extensions = error.get("extensions") or {}
    return extensions.get("status") == 500 or str(extensions.get("code", "")).endswith(".500")


def _ids_in(told: Any) -> Iterator[tuple[str, str]]:
    if isinstance(told, Sequence) and not isinstance(told, str):
        for it in told:
            yield from _ids_in(it)
    elif isinstance(told, Mapping):
        for name, it in told.items():
            if isinstance(it, str) and (name == "id" or name.endswith("_id")):
                if _UUID.fullmatch(it):
                    yield name, it
            else:
                yield from _ids_in(it)
