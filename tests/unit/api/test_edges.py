"""What surrounds the contract: other paths and methods, other origins, health, metrics, faults."""

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from duetime.api.middleware import Observed
from duetime.telemetry.metrics import Metrics
from tests.unit.api.harness import PLAIN, Api

PAGE_ORIGIN = "http://localhost:3000"


@pytest.mark.parametrize(
    "path", ["/", "/task", "/tasks/", "/tasks/a/b", "/tasks//runs", "/problems/x"]
)
async def test_an_unknown_path_is_a_problem(api: Api, path: str) -> None:
    response = await api.client.get(path)

    assert 404 == response.status_code
    assert "application/problem+json" == response.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/tasks", "GET, HEAD, POST"),
        ("DELETE", "/tasks", "GET, HEAD, POST"),
        ("POST", "/tasks/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("POST", "/tasks/logs", "GET, HEAD"),
        ("PUT", "/tasks/logs", "GET, HEAD"),
        ("GET", "/tasks/batch", "POST"),
        ("DELETE", "/tasks/batch", "POST"),
        ("POST", "/runs", "GET, HEAD"),
        ("OPTIONS", "/runs", "GET, HEAD"),
        ("BREW", "/tasks", "GET, HEAD, POST"),
        ("POST", "/docs", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_know_is_refused_with_those_it_knows(
    api: Api, method: str, path: str, allowed: str
) -> None:
    response = await api.client.request(method, path)

    assert (405, allowed) == (response.status_code, response.headers["allow"])
    assert "/problems/method-not-allowed" == response.json()["type"]


@pytest.mark.parametrize("path", ["/tasks", "/tasks/logs", "/runs", "/docs", "/openapi.json"])
async def test_what_can_be_read_can_be_asked_for_its_head_alone(api: Api, path: str) -> None:
    whole = await api.client.get(path)
    head = await api.client.head(path)

    assert (200, b"") == (head.status_code, head.content)
    assert whole.headers == head.headers


async def test_a_task_can_be_asked_for_its_head_alone(api: Api) -> None:
    task = await api.create()
    whole = await api.client.get(f"/tasks/{task['id']}")
    head = await api.client.head(f"/tasks/{task['id']}")

    assert (200, b"") == (head.status_code, head.content)
    assert whole.headers["etag"] == head.headers["etag"]
    assert 404 == (await api.client.head("/tasks/x")).status_code


async def test_the_page_s_origin_may_call_and_read_our_headers(api: Api) -> None:
    asked = await api.client.options(
        "/tasks/x",
        headers={
            "origin": PAGE_ORIGIN,
            "access-control-request-method": "PUT",
            "access-control-request-headers": "content-type,if-match,idempotency-key,prefer",
        },
    )
    called = await api.client.post("/tasks", json=PLAIN, headers={"origin": PAGE_ORIGIN})
    refused = await api.client.post("/tasks", json={}, headers={"origin": PAGE_ORIGIN})
    exposed = called.headers["access-control-expose-headers"]

    assert 200 == asked.status_code
    assert PAGE_ORIGIN == asked.headers["access-control-allow-origin"]
    assert PAGE_ORIGIN == called.headers["access-control-allow-origin"]
    assert PAGE_ORIGIN == refused.headers["access-control-allow-origin"]
    assert {"ETag", "Location", "Link", "Idempotency-Key", "Retry-After", "Duetime-Visible"} <= set(
        exposed.split(", ")
    )


async def test_another_origin_may_not_call(api: Api) -> None:
    response = await api.client.get("/tasks", headers={"origin": "https://elsewhere.example"})

    assert "access-control-allow-origin" not in response.headers


async def test_readiness_names_what_is_not_ready(api: Api) -> None:
    reasons: list[str | None] = ["restoring partition 3"]
    api.health.add("timer", lambda: reasons[-1])
    before = await api.client.get("/readyz")
    reasons.append(None)
    after = await api.client.get("/readyz?verbose")

    assert (503, {"timer": "restoring partition 3"}) == (
        before.status_code,
        before.json()["failing"],
    )
    assert (200, {"timer": "ok"}) == (after.status_code, after.json()["checks"])
    assert 200 == (await api.client.get("/livez")).status_code


async def test_requests_are_counted_by_route_and_never_by_path(api: Api) -> None:
    task = await api.create()
    await api.client.get(f"/tasks/{task['id']}")
    await api.client.get("/tasks/nobody")
    await api.client.get("/no/such/path")
    text = (await api.client.get("/metrics")).text

    assert 'duetime_api_requests_total{method="POST",route="/tasks",status="201"} 1.0' in text
    assert (
        'duetime_api_requests_total{method="GET",route="/tasks/{task_id}",status="200"} 1.0' in text
    )
    assert (
        'duetime_api_requests_total{method="GET",route="/tasks/{task_id}",status="404"} 1.0' in text
    )
    assert 'duetime_api_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'duetime_api_request_seconds_count{method="POST",route="/tasks"} 1.0' in text
    assert task["id"] not in text
    assert "nobody" not in text


async def test_the_documentation_is_one_page_that_fetches_nothing(api: Api) -> None:
    page = await api.client.get("/docs")

    assert 200 == page.status_code
    assert "text/html" in page.headers["content-type"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "https://" not in page.text
    assert "Register a task" in page.text
    assert "invalid-fields" in page.text


async def test_a_fault_of_ours_is_a_problem_and_is_counted() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ZeroDivisionError

    metrics = Metrics()
    transport = httpx.ASGITransport(Observed(broken, metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://duetime") as client:
        response = await client.get("/tasks")
    counted = metrics.api_requests_total.of("GET", "unmatched", "500")

    assert 500 == response.status_code
    assert "/problems/internal" == response.json()["type"]
    assert 1.0 == counted._value.get()


async def test_a_fault_in_the_middle_of_an_answer_is_not_covered_up() -> None:
    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    transport = httpx.ASGITransport(Observed(broken, Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://duetime") as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("/tasks")
