"""Requests as bytes, and answers, without an HTTP library: a device takes a few microseconds
(docs/decisions/0011).
"""

from typing import Final

from dml.sim.figures import LOST


class Answer:
    """The whole answer as bytes, and its seconds since the request was due."""

    __slots__ = ("head_end", "raw", "seconds", "status")

    def __init__(self, status: int, raw: bytes, head_end: int, seconds: float) -> None:
        self.status = status
        self.raw = raw
        self.head_end = head_end  # Where the body begins.
        self.seconds = seconds

    @property
    def body(self) -> bytes:
        return self.raw[self.head_end :]

    def header(self, name: str) -> str | None:
        """Return a header's value. Slow: it reads the whole head."""
        lowered = name.lower().encode()
        for line in self.raw[: self.head_end].split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == lowered:
                return value.strip().decode("latin-1")
        return None

    def text(self, after: bytes) -> bytes:
        """Return what a JSON string of the body holds, `text(b'"id":"')`, or nothing.

        Only for values without escapes, of which the first such key is wanted: ids, states.
        """
        start = self.raw.find(after, self.head_end)
        if start < 0:
            return b""
        start += len(after)
        return self.raw[start : self.raw.find(b'"', start)]

    def number(self, after: bytes) -> int:
        """Return the number behind this key, `number(b'"retry_after_seconds":')`, or 0."""
        start = self.raw.find(after, self.head_end)
        if start < 0:
            return 0
        start += len(after)
        end = start
        while self.raw[end : end + 1].isdigit():
            end += 1
        return int(self.raw[start:end] or 0)


NO_ANSWER: Final = Answer(LOST, b"", 0, 0.0)


class Head:
    """The head of all requests of one device, made once."""

    __slots__ = ("_claim", "_rest")

    def __init__(self, host: str, token: str, *, forwarded_for: str = "") -> None:
        """`forwarded_for` plays an address of its own, which a trusted proxy would name."""
        extra = f"\r\nX-Forwarded-For: {forwarded_for}" if forwarded_for else ""
        self._rest = (
            f" HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}{extra}"
            "\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._claim = b"".join((b"POST /v1/assignments/claim", self._rest, b'9\r\n\r\n{"max":1}'))

    def claim(self) -> bytes:
        """Ask for one assignment."""
        return self._claim

    def result(self, assignment_id: bytes, body: bytes) -> bytes:
        """Submit a result; `body` is its JSON."""
        return b"POST /v1/assignments/%b/result%b%d\r\n\r\n%b" % (
            assignment_id,
            self._rest,
            len(body),
            body,
        )

    def heartbeat(self, assignment_id: bytes) -> bytes:
        return b"POST /v1/assignments/%b/heartbeat%b0\r\n\r\n" % (assignment_id, self._rest)

    def release(self, assignment_id: bytes) -> bytes:
        return b"POST /v1/assignments/%b/release%b0\r\n\r\n" % (assignment_id, self._rest)


class NotUnderstood(RuntimeError):
    """The server answered in a way that this client does not read."""


def measure(raw: bytes) -> tuple[int, int]:
    """Return where the body of an answer begins and ends; (0, 0) while its head is not whole.

    NotUnderstood if the head does not say: the device path sends no chunked answers.
    """
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        return 0, 0
    at = raw.find(b"ontent-length: ", 0, end)
    if at < 0:
        at = raw.find(b"ontent-Length: ", 0, end)
    if at < 0:
        if raw[9:12] in (b"204", b"304"):
            return end + 4, end + 4
        raise NotUnderstood(f"an answer without Content-Length: {raw[:end].decode('latin-1')}")
    return end + 4, end + 4 + int(raw[at + 15 : raw.index(b"\r", at)])
