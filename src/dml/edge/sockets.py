"""What the kernel knows of a connection, and does for us."""

import asyncio
import contextlib
import fcntl
import socket
import termios


def end_when_gone(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Let the kernel end a connection whose other side has gone without a word."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family == socket.AF_UNIX:
        return
    options = {
        (socket.SOL_SOCKET, "SO_KEEPALIVE"): 1,
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE"): 20,
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL"): 5,
        (socket.IPPROTO_TCP, "TCP_KEEPCNT"): 3,
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"): max(1, int(seconds * 1000)),
    }
    for (level, name), value in options.items():
        option = getattr(socket, name, None)  # Not every system has each.
        if option is not None:
            connection.setsockopt(level, option, value)


def left_to_send(transport: asyncio.BaseTransport) -> int:
    """How many bytes the kernel has that the other side has not acknowledged."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):  # It is gone, or this is not Linux.
        return int.from_bytes(
            fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)), "little"
        )
    return 0
