"""Ports of the loopback interface for servers that are started here.

Knows which ports nobody listens on now. They lie below those that the system gives to outgoing
connections: one of these would be as likely to be taken again before its server listens on it.
None is given twice: two servers that are about to start would else have the same one now and then.
"""

import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"
_FIRST: Final = 10_240
_BEFORE: Final = 32_768  # where Linux begins with its own by default; others begin later
_TRIES_MAX: Final = 1_000
_given: Final[set[int]] = set()  # by this process


def free_port() -> int:
    """Give a port that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Give so many ports that nobody listens on now nor was given. Raises OSError after tries."""
    draw = random.SystemRandom()
    held: list[socket.socket] = []
    try:
        for _ in range(_TRIES_MAX):
            if len(held) == count:
                break
            port = draw.randrange(_FIRST, _BEFORE)
            if port in _given:
                continue
            try:
                held.append(socket.create_server((HOST, port)))
            except OSError:
                continue
            _given.add(port)
        else:
            raise OSError(f"no {count} ports are free between {_FIRST} and {_BEFORE}")
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
