"""The outermost layer: names under which the api may be asked, and the short way to an answer."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from duetime.api.edge import Edge, Hosts
from duetime.http.asgi import Receive, Scope, Send
from tests.unit.api.harness import PLAIN, Api


@pytest.mark.parametrize(
    ("names", "bound", "host", "allowed"),
    [
        ((), "127.0.0.1", "localhost", True),
        ((), "127.0.0.1", "LocalHost:3001", True),
        ((), "127.0.0.1", "127.0.0.1:3001", True),
        ((), "127.0.0.1", "[::1]:3001", True),
        ((), "127.0.0.1", "[::1]", True),
        ((), "192.168.1.5", "192.168.1.5:3001", True),
        ((), "fd00::5", "[fd00::5]:3001", True),
        ((), "127.0.0.1", "evil.example", False),
        ((), "127.0.0.1", "evil.example:3001", False),
        ((), "127.0.0.1", "localhost.evil.example", False),
        ((), "127.0.0.1", "localhost:evil", False),
        ((), "127.0.0.1", "127.0.0.2", False),
        ((), "127.0.0.1", "", False),
        ((), "0.0.0.0", "duetime.example", True),  # noqa: S104 -- a value of the setting
        ((), "::", "duetime.example", True),
        (("duetime.example",), "0.0.0.0", "evil.example", False),  # noqa: S104 -- the same
        (("Duetime.example",), "127.0.0.1", "duetime.example:443", True),
        (("duetime.example",), "127.0.0.1", "localhost", False),
        (("*",), "127.0.0.1", "evil.example", True),
    ],
)
def test_a_host_is_one_that_is_set_or_the_machine_itself(
    names: tuple[str, ...], bound: str, host: str, allowed: bool
) -> None:
    hosts = Hosts(names, bound=bound)

    assert allowed is hosts.allow(host.encode())
    assert allowed is hosts.allow(host.encode())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tasks"),
        ("POST", "/tasks"),
        ("GET", "/tasks/x"),
        ("GET", "/events"),
        ("GET", "/metrics"),
        ("GET", "/docs"),
    ],
)
async def test_a_page_that_leads_its_own_name_here_reads_nothing(
    api: Api, method: str, path: str
) -> None:
    ends = await api.ends()
    body = PLAIN if method == "POST" else None
    headers = {"host": "rebound.example"}
    refused = await api.client.request(method, path, json=body, headers=headers)

    assert (421, "/problems/unknown-host") == (refused.status_code, refused.json()["type"])
    assert ends == await api.ends()


async def test_probes_may_use_any_name(api: Api) -> None:
    for path in ("/livez", "/readyz"):
        assert 200 == (await api.client.get(path, headers={"host": "10.0.0.7"})).status_code


async def test_what_is_asked_most_never_reaches_the_framework() -> None:
    reached: list[str] = []

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await Response("rest")(scope, receive, send)

    async def hot(request: Request) -> Response:
        return Response(request.path_params.get("task_id", "created"))

    edge = Edge(rest, hosts=Hosts((), bound="127.0.0.1"), create=hot, one=hot)
    transport = httpx.ASGITransport(edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answers = {
            (method, path): (await client.request(method, path)).text
            for method, path in (
                ("POST", "/tasks"),
                ("GET", "/tasks/some%20id"),
                ("GET", "/tasks"),
                ("GET", "/tasks/"),
                ("GET", "/tasks/logs"),
                ("GET", "/tasks/x/runs"),
                ("PUT", "/tasks/x"),
                ("POST", "/tasks/x"),
            )
        }

    assert ["created", "some id"] == list(answers.values())[:2]
    assert {"rest"} == set(list(answers.values())[2:])
    assert 6 == len(reached)


async def test_an_answer_is_the_same_with_and_without_the_framework(api: Api) -> None:
    async def behind(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(api.app.framework)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    task = await api.create()
    for path in (f"/tasks/{task['id']}", "/tasks/nobody", f"/tasks/{task['id']}?x=1"):
        short, long = await api.client.get(path), await behind(path)

        assert (long.status_code, long.content) == (short.status_code, short.content)
        assert dict(long.headers) == dict(short.headers)
