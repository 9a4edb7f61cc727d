"""Ports for servers on this machine."""

import socket

from deploy.local.ports import HOST, free_ports


def test_ports_are_different_and_free_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(20)
    servers = [socket.create_server((HOST, port)) for port in ports]
    for server in servers:
        server.close()

    assert 20 == len(set(ports))
    assert max(ports) < 32_768
