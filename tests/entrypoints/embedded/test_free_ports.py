"""Ports of servers that come back: none that a connection may have taken meanwhile."""

import socket
from pathlib import Path

import pytest

from dml.entrypoints.embedded import free_ports

HOST = "127.0.0.1"


def test_a_connection_takes_a_port_of_its_range_from_whoever_listened_there() -> None:
    # The fault that it is about: neither may listen there before the connection has ended.
    with (
        socket.create_server((HOST, 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        taken = connection.getsockname()[1]
        first, last = free_ports.outgoing()
        assert first <= taken <= last
        assert not free_ports.is_free(HOST, taken)
    assert free_ports.is_free(HOST, taken)


def test_a_lasting_port_is_free_and_none_of_that_range() -> None:
    first, last = free_ports.outgoing()
    found = {free_ports.lasting(HOST) for _ in range(50)}
    assert len(found) > 40
    for port in found:
        assert free_ports.LOWEST <= port < 65_536
        assert not first <= port <= last
    with socket.create_server((HOST, found.pop())):
        pass


def test_where_connections_may_take_all_it_is_any_that_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = tmp_path / "ip_local_port_range"
    said.write_text("1024\t65535\n")
    monkeypatch.setattr(free_ports, "OUTGOING", said)
    with socket.create_server((HOST, free_ports.lasting(HOST))):
        pass
    said.unlink()
    assert free_ports.outgoing() == (32_768, 60_999)


def test_an_address_of_another_machine_has_none() -> None:
    with pytest.raises(OSError, match=r"[Cc]annot assign"):
        free_ports.lasting("192.0.2.1")
