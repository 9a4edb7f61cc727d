"""An identity provider on this machine: a real server that gives the tokens a test wants.

Knows HTTP and how many asked; judges no request.
"""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Final

from deploy.local.ports import HOST
from tests.support.certificates import Certified

PATH: Final = "/realms/duetime/token"
HOLD_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as it came."""

    path: str
    headers: dict[str, str]  # their names in small letters
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    location: str = ""


def granted(**fields: object) -> Answer:
    """Give a good answer with these fields."""
    return Answer(body=json.dumps({"token_type": "Bearer"} | fields).encode())


@dataclass(slots=True, kw_only=True)
class IdentityProvider:
    """What it was asked, and what it will answer."""

    url: str
    answer: Callable[[], Answer]
    asked: list[Asked] = field(default_factory=list)
    was_asked: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)  # cleared: it keeps silent

    def will(self, answer: Answer) -> None:
        """Give this answer from now on."""
        self.answer = lambda: answer


@contextmanager
def identity_provider(certified: Certified | None = None) -> Iterator[IdentityProvider]:
    """Serve on loopback, over TLS where there is a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length).decode()
            provider.asked.append(Asked(path=self.path, headers=headers, body=body))
            provider.was_asked.set()
            provider.may_answer.wait(HOLD_SECONDS_MAX)
            answer = provider.answer()
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer.body)))
            if answer.location:
                self.send_header("location", answer.location)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Keep quiet of clients that are gone: some tests have them leave."""

    server = Server((HOST, 0), Handler)
    if certified is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certified.both)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certified is None else "https"
    url = f"{scheme}://{HOST}:{server.server_address[1]}{PATH}"
    provider = IdentityProvider(url=url, answer=lambda: granted(access_token="made-up"))
    provider.may_answer.set()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()
