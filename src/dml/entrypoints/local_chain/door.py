"""The door of the local chain: what processes here may ask anvil, and web pages may not.

anvil obeys whoever reaches it: it mints, forgets its chain, and signs for others. So it listens
where nobody knows, and what is asked here is passed on only where it reads, or hands over what its
sender has signed. A browser tells by `Origin` that a page asks, by `Host` under which name, and
sends no JSON of another site unasked: each of that is refused (docs/decisions/0016).
"""

import http.client
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

HOST: Final = "127.0.0.1"
BODY_MAX: Final = 1024 * 1024
BATCH_MAX: Final = 100
CONNECTIONS_MAX: Final = 64
IDLE_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 60.0
NOT_ALLOWED: Final = -32601  # JSON-RPC's code for a method that is not there.

METHODS: Final = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
        "eth_syncing",
        "net_listening",
        "net_version",
        "web3_clientVersion",
        "web3_sha3",
    }
)


class Door(ThreadingHTTPServer):
    """Listens from the beginning, and answers once `open_to` says where anvil is.

    OSError where somebody else has the port.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), _Visit)
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self.anvil: tuple[str, int] | None = None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def open_to(self, host: str, port: int) -> None:
        self.anvil = (host, port)
        threading.Thread(target=self.serve_forever, name="door", daemon=True).start()

    def close(self) -> None:
        if self.anvil is not None:
            self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the midst, or sends nothing for long, is no fault of ours."""


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: Door

    def do_POST(self) -> None:
        refused = self._refuse_head()
        if refused is not None:
            self.close_connection = True  # Its body was not read.
            self._answer(*refused)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            self._answer(HTTPStatus.BAD_REQUEST, _error(None, -32700, "this is no JSON"))
            return
        wrong = _find_wrong(asked)
        if wrong is not None:
            self._answer(HTTPStatus.OK, wrong)
            return
        # Written anew: what we have read is what anvil reads.
        self._answer(*self._pass_on(json.dumps(asked)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # Whatever other verb: OPTIONS, with which a browser asks first.
            return self._refuse_verb
        raise AttributeError(name)

    def _refuse_verb(self) -> None:
        self.close_connection = True
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, _error(None, -32600, "only POST is answered"))

    def _refuse_head(self) -> tuple[HTTPStatus, bytes] | None:
        headers, port = self.headers, self.server.port
        ours = {f"{name}:{port}" for name in (HOST, "localhost", "[::1]")}
        if headers.get_all("Host", []) not in [[it] for it in ours]:
            return HTTPStatus.FORBIDDEN, _error(None, -32600, "`Host` is no name of this chain")
        if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
            return HTTPStatus.FORBIDDEN, _error(None, -32600, "web pages are not answered")
        if headers.get_content_type() != "application/json":
            kind = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            return kind, _error(None, -32600, "`Content-Type` must be application/json")
        length = headers.get_all("Content-Length", [])
        if len(length) != 1 or "Transfer-Encoding" in headers or not length[0].isdecimal():
            return HTTPStatus.LENGTH_REQUIRED, _error(None, -32600, "`Content-Length` is needed")
        if len(length[0]) > 9 or int(length[0]) > BODY_MAX:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _error(None, -32600, "the body is too long")
        return None

    def _pass_on(self, body: str) -> tuple[HTTPStatus, bytes]:
        assert self.server.anvil is not None
        host, port = self.server.anvil
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return HTTPStatus(answer.status), answer.read()
        except (OSError, http.client.HTTPException, ValueError):
            return HTTPStatus.BAD_GATEWAY, _error(None, -32603, "anvil does not answer")
        finally:
            connection.close()

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written of who asks: each of our processes does, each second."""


def _find_wrong(asked: object) -> bytes | None:
    """Answer what may not be asked; None where all of it may."""
    calls = asked if isinstance(asked, list) else [asked]
    if not 0 < len(calls) <= BATCH_MAX:
        return _error(None, -32600, f"from 1 to {BATCH_MAX} calls at once")
    for it in calls:
        if not isinstance(it, dict) or not isinstance(it.get("method"), str):
            return _error(None, -32600, "this is no JSON-RPC call")
        if it["method"] not in METHODS:
            reason = f"{it['method'][:80]!a} is not for who comes from outside"
            return _error(it.get("id"), NOT_ALLOWED, reason)
    return None


def _error(call_id: object, code: int, message: str) -> bytes:
    answered = {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": message}}
    return json.dumps(answered).encode()
