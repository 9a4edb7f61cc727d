"""Health: alive, ready, measured; on plain ASGI."""

import httpx
import pytest

from duetime.http.health import Health, HealthApp
from duetime.telemetry.metrics import Metrics


def _client(health: Health) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(HealthApp(health, Metrics()))
    return httpx.AsyncClient(transport=transport, base_url="http://duetime")


async def test_it_is_alive_whatever_its_checks_say() -> None:
    health = Health()
    health.add("log", lambda: "the log is away")
    async with _client(health) as client:
        response = await client.get("/livez")

    assert (200, {"status": "alive"}) == (response.status_code, response.json())


async def test_it_is_ready_when_every_check_is_content() -> None:
    health = Health()
    health.add("log", lambda: None)
    async with _client(health) as client:
        plain = await client.get("/readyz")
        verbose = await client.get("/readyz?verbose")

    assert health.ready
    assert (200, {"status": "ready"}) == (plain.status_code, plain.json())
    assert {"status": "ready", "checks": {"log": "ok"}} == verbose.json()


async def test_it_is_not_ready_while_a_check_gives_a_reason() -> None:
    health = Health()
    health.add("log", lambda: None)
    health.add("timer", lambda: "restoring")
    async with _client(health) as client:
        response = await client.get("/readyz?verbose=1")

    assert not health.ready
    assert 503 == response.status_code
    assert {
        "status": "not ready",
        "failing": {"timer": "restoring"},
        "checks": {"log": "ok", "timer": "restoring"},
    } == response.json()


def test_two_checks_cannot_have_one_name() -> None:
    health = Health()
    health.add("log", lambda: None)

    with pytest.raises(ValueError, match="a check named 'log'"):
        health.add("log", lambda: None)


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text"])
async def test_metrics_are_told_in_the_format_that_is_asked_for(accept: str) -> None:
    async with _client(Health()) as client:
        response = await client.get("/metrics", headers={"accept": accept})

    assert 200 == response.status_code
    assert (accept or "text/plain") in response.headers["content-type"]
    assert "duetime_build_info" in response.text


async def test_other_methods_and_paths_are_problems() -> None:
    async with _client(Health()) as client:
        method = await client.post("/livez")
        path = await client.get("/elsewhere")

    assert (405, "GET, HEAD") == (method.status_code, method.headers["allow"])
    assert (404, "/problems/unknown-path") == (path.status_code, path.json()["type"])
