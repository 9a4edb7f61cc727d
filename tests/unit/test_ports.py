"""Ports for servers on this machine."""

import socket

import pytest

from deploy.local import ports as drawn
from deploy.local.ports import HOST, free_port, free_ports


def test_ports_are_different_and_free_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(20)
    servers = [socket.create_server((HOST, port)) for port in ports]
    for server in servers:
        server.close()

    assert 20 == len(set(ports))
    assert max(ports) < 32_768


def test_no_port_is_given_twice_though_nobody_listens_on_it_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawn, "_BEFORE", drawn._FIRST + 100)
    ports = [free_port() for _ in range(50)]

    assert 50 == len(set(ports))
