"""Two of each service behind a load balancer, over a real Kafka and a real MongoDB."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.stack import ROLES, Running, Stack
from duetime.log.kafka.connection import Connection
from duetime.log_projector.service import GROUP as PROJECTORS
from duetime.timer.service import GROUP as TIMERS
from tests.chaos.judging import started_twice, verdict
from tests.chaos.load import Callers
from tests.chaos.recorded import connection_to
from tests.support.machine import machine
from tests.support.stack import (
    api_url,
    group_rounds,
    is_settled,
    make_whole,
    metric,
    partitions_of,
    readiness,
    remove,
    settled,
    wait_for,
)
from tests.system.test_readme import run_block, shell_blocks

DRAIN_SECONDS_MAX = 15.0  # what an orchestrator grants at least
ANSWER_SECONDS_MAX = 9.0
ROUNDS = 20
TASKS_PER_SECOND = 15.0
OWNED = "duetime_owned_partitions"

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(120)]


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The distributed system, whole before and after each test."""
    with settled() as shared:
        yield shared


@pytest.fixture
def callers(stack: Stack, tmp_path: Path) -> Iterator[Callers]:
    """Callers of the load balancer."""
    made = Callers(url=stack.url, stamps=tmp_path / "starts.txt")
    yield made
    made.close()


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def a_task(seconds: float = 3600.0) -> dict[str, Any]:
    return {"description": "Water the plants", "time": soon(seconds), "recurring": False}


def test_the_plain_contract_holds_behind_the_load_balancer(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, timeout=10.0) as client:
        created = client.post("/tasks", json=a_task())
        assert httpx.codes.CREATED == created.status_code, created.text
        task = created.json()
        path = f"/tasks/{task['id']}"
        listed = client.get("/tasks")
        changed = client.put(path, json={**a_task(), "description": "Feed the cat"})
        replaced = client.get("/tasks").json()
        deleted = client.delete(path)
        gone = client.delete(path)
        unknown = client.put("/tasks/nobody", json=a_task())
        logs = client.get("/tasks/logs")

    assert 201 == created.status_code
    assert path == created.headers["location"]
    assert {"id", "description", "time", "recurring"} <= set(task)
    assert task["id"] in {each["id"] for each in listed.json()}
    assert 200 == changed.status_code
    assert "Feed the cat" in {each["description"] for each in replaced}
    assert 204 == deleted.status_code
    assert b"" == deleted.content
    assert 404 == gone.status_code
    assert 404 == unknown.status_code
    assert 200 == logs.status_code
    assert all(isinstance(line, str) for line in logs.json())


@pytest.mark.promise("P1")
def test_what_one_replica_has_acknowledged_every_replica_shows_at_once(stack: Stack) -> None:
    one, other = (api_url(api) for api in stack.of_role("api"))
    visible = 0
    with httpx.Client(timeout=10.0) as client:
        for number in range(ROUNDS):
            writer, reader = (one, other) if number % 2 else (other, one)
            created = client.post(f"{writer}/tasks", json=a_task())
            path = f"/tasks/{created.json()['id']}"
            first = client.get(f"{reader}{path}")
            put = client.put(f"{writer}{path}", json={**a_task(), "description": str(number)})
            second = client.get(f"{reader}{path}")
            deleted = client.delete(f"{writer}{path}")
            third = client.get(f"{reader}{path}")
            # Where the wait for the read models ended first, the answer says so.
            seen = [is_visible(answer) for answer in (created, put, deleted)]
            visible += sum(seen)

            assert (201, 200, 204) == (created.status_code, put.status_code, deleted.status_code)
            assert not seen[0] or 200 == first.status_code
            assert not seen[1] or str(number) == second.json()["description"]
            assert not seen[2] or 404 == third.status_code
    assert 3 * ROUNDS / 2 < visible


def is_visible(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("duetime-visible") != "false")


@pytest.mark.promise("P1", "P2", "P3")
def test_timers_scaled_from_one_to_three_to_one_lose_no_run_and_double_none(
    stack: Stack, callers: Callers
) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        statuses = scale(stack, "timer")
    wrong, evidence = verdict(stack, callers)

    assert [] == wrong
    assert {0} == set(statuses)
    assert 100 < len(evidence.starts)
    assert [] == started_twice(evidence)


@pytest.mark.promise("P1", "P2", "P3")
@pytest.mark.timeout(240)
def test_a_rolling_restart_of_three_timers_restores_nothing_that_stayed_where_it_was(
    stack: Stack, callers: Callers
) -> None:
    stack.add("timer")
    stack.wait_ready()
    wait_for(is_settled(stack), "three with a share each")
    with callers.at_work(per_second=TASKS_PER_SECOND):
        restarts = [restart(stack, timer) for timer in stack.of_role("timer")]
    wrong, evidence = verdict(stack, callers)

    share = partitions_of(stack) // 3
    for each in restarts:
        assert 0 == each.status
        # While it was away the others got what it had had, and lost nothing.
        assert each.before.keys() == each.meanwhile.keys()
        assert share == sum(map(len, each.meanwhile.values())) - 2 * share
        for name, kept in each.before.items():
            assert kept <= each.meanwhile[name]
            # What it has back came from them, and what stayed was never out of their hands.
            assert share / 2 <= len(kept & each.after[name])
            assert each.after[name] <= each.meanwhile[name]
        assert each.gained == each.restored
        assert share == each.restored_by_itself
    assert [] == wrong
    assert 50 < len(evidence.starts)  # so many that each restart had some beside it
    assert [] == started_twice(evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What one process's restart was to the others of its group, by their names."""

    status: int
    before: dict[str, frozenset[int]]  # what each owned
    meanwhile: dict[str, frozenset[int]]
    after: dict[str, frozenset[int]]
    gained: dict[str, int]  # how often the group gave a partition to each
    restored: dict[str, int]  # how often each took one up
    restored_by_itself: int


def restart(stack: Stack, process: Running) -> Restart:
    """Ask one to stop, start it anew when the others have what it had, and wait for its share."""
    others = [each for each in stack.of_role(process.role) if each is not process]
    rounds = {each.name: len(group_rounds(stack, each)) for each in others}
    restores = {each.name: restores_of(each) for each in others}
    before = owned_by(stack, others)
    status = process.stop()
    wait_for(
        lambda: sum(metric(each, OWNED) for each in others) == partitions_of(stack),
        "others that own all",
    )
    meanwhile = owned_by(stack, others)
    process.start(stack.lines)
    stack.wait_ready()
    wait_for(is_settled(stack), "a share for each again")
    return Restart(
        status=status,
        before=before,
        meanwhile=meanwhile,
        after=owned_by(stack, others),
        gained={each.name: gains(stack, each, rounds[each.name]) for each in others},
        restored={each.name: restores_of(each) - restores[each.name] for each in others},
        restored_by_itself=restores_of(process),
    )


def owned_by(stack: Stack, processes: Sequence[Running]) -> dict[str, frozenset[int]]:
    """Give what the group has given to each last."""
    return {each.name: frozenset(group_rounds(stack, each)[-1]["owned"]) for each in processes}


def gains(stack: Stack, process: Running, since: int) -> int:
    """Say how often the group gave it a partition that it did not have the round before."""
    owned = [frozenset(each["owned"]) for each in group_rounds(stack, process)[since - 1 :]]
    return sum(len(later - earlier) for earlier, later in pairwise(owned))


def restores_of(timer: Running) -> int:
    return int(metric(timer, "duetime_restore_seconds_count"))


@pytest.mark.promise("P1", "P2", "P3")
@pytest.mark.timeout(180)
def test_executors_scaled_from_one_to_three_to_one_repeat_no_start_of_five_seconds(
    stack: Stack, callers: Callers
) -> None:
    callers.slow_seconds = 5.0
    with callers.at_work(per_second=TASKS_PER_SECOND):
        statuses = scale(stack, "executor")
    wrong, evidence = verdict(stack, callers)

    assert [] == wrong
    assert {0} == set(statuses)
    assert 100 < len(evidence.starts)
    assert [] == started_twice(evidence)


def scale(stack: Stack, role: str) -> list[int]:
    """Go from two to one, to three, and back to one; give how the processes ended."""
    first, second = stack.of_role(role)
    statuses = [remove(stack, second)]
    wait_for(is_settled(stack), "one that owns all")
    for _ in range(2):
        stack.add(role)
    stack.wait_ready()
    wait_for(is_settled(stack), "three with a share each")
    time.sleep(3.0)
    added = [each for each in stack.of_role(role) if each is not first]
    statuses += [remove(stack, each) for each in added]
    wait_for(is_settled(stack), "one that owns all again")
    time.sleep(3.0)
    return statuses


@pytest.mark.promise("P1", "P2", "P3")
def test_a_process_that_is_asked_to_stop_hands_over_and_exits_within_its_grace(
    stack: Stack, callers: Callers
) -> None:
    took: dict[str, tuple[int, bool]] = {}
    clock = machine().clock
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for role in ROLES:
            process = stack.of_role(role)[0]
            began = clock()
            status = process.stop()
            took[role] = (status, clock() - began < DRAIN_SECONDS_MAX)
            process.start(stack.lines)
            make_whole(stack)
    wrong, evidence = verdict(stack, callers)

    assert dict.fromkeys(ROLES, (0, True)) == took
    assert [] == wrong
    assert [] == started_twice(evidence)


@pytest.mark.promise("P1")
def test_without_its_broker_a_write_is_a_503_that_says_when_to_try_again(stack: Stack) -> None:
    assert stack.brokers is not None
    (broker,) = stack.brokers.brokers
    api = stack.of_role("api")[0]
    broker.kill()
    try:
        with httpx.Client(base_url=api_url(api), timeout=ANSWER_SECONDS_MAX) as client:
            refused = client.post("/tasks", json=a_task())
            repeated = client.post("/tasks", json=a_task())
        wait_for(lambda: readiness(api)[0] == 503, "an api that says it is not ready")
        said = readiness(api)[1]
    finally:
        broker.start()
        broker.wait()
    make_whole(stack)

    for answer in (refused, repeated):
        assert 503 == answer.status_code
        assert answer.headers["retry-after"].isdigit()
        assert "application/problem+json" == answer.headers["content-type"]
    assert {"/problems/outcome-unknown", "/problems/log-unavailable"} >= {
        answer.json()["type"] for answer in (refused, repeated)
    }
    assert "Kafka" in str(said)
    assert 201 == httpx.post(f"{stack.url}/tasks", json=a_task(), timeout=10.0).status_code
    stack.check_alive()


@pytest.mark.promise("P1")
def test_without_its_database_reads_are_a_503_and_writes_are_kept(stack: Stack) -> None:
    api = stack.of_role("api")[0]
    stack.stop_mongod()
    try:
        with httpx.Client(base_url=api_url(api), timeout=ANSWER_SECONDS_MAX) as client:
            unread = client.get("/tasks")
            kept = client.post("/tasks", json=a_task())
        wait_for(lambda: readiness(api)[0] == 503, "an api that says it is not ready")
        said = readiness(api)[1]
    finally:
        stack.start_mongod()
    make_whole(stack)
    wait_for(lambda: seen(stack, kept.json()["id"]), "what was written meanwhile")

    assert 503 == unread.status_code
    assert unread.headers["retry-after"].isdigit()
    assert 201 == kept.status_code
    assert "false" == kept.headers["duetime-visible"]
    assert "MongoDB" in str(said)
    stack.check_alive()


def seen(stack: Stack, task_id: str) -> bool:
    return httpx.get(f"{stack.url}/tasks/{task_id}", timeout=10.0).status_code == 200


@pytest.mark.promise("P2")
def test_the_curl_lines_of_the_readme_work_as_they_are_printed(stack: Stack) -> None:
    first, logs, daily, refused = [block for block in shell_blocks() if "curl" in block]
    created = run_block(first, stack.api_port)
    madrid = run_block(daily, stack.api_port)
    again = run_block(daily, stack.api_port)
    problem = run_block(refused, stack.api_port)
    time.sleep(6.0)  # as the README says
    lines = run_block(logs, stack.api_port)

    assert "scheduled" == created["status"]
    assert madrid["id"] == again["id"]
    assert 422 == problem["status"]
    assert [created["id"]] == [created["id"] for line in lines if created["id"] in line]


@pytest.mark.parametrize("group", [TIMERS, PROJECTORS])
def test_monitors_of_a_group_see_no_lag_once_it_has_read_everything(
    stack: Stack, group: str
) -> None:
    created = httpx.post(f"{stack.url}/tasks", json=a_task(1.0), timeout=10.0)
    wait_for(lambda: has_run(stack, created.json()["id"]), "its run")
    wait_for(lambda: {0} == set(lag(stack, group).values()), f"no lag of {group}")

    assert 2 * partitions_of(stack) == len(lag(stack, group))


def has_run(stack: Stack, task_id: str) -> bool:
    runs = httpx.get(f"{stack.url}/tasks/{task_id}/runs", timeout=10.0)
    return bool(runs.is_success and runs.json())


def lag(stack: Stack, group: str) -> Mapping[str, int]:
    """Give what tools that watch groups show: ends less committed offsets, by partition."""
    return asyncio.run(_lag(connection_to(stack), group))


async def _lag(connection: Connection, group: str) -> Mapping[str, int]:
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    consumer: Any = AIOKafkaConsumer(**connection.arguments)
    await admin.start()
    await consumer.start()
    try:
        committed = await admin.list_consumer_group_offsets(connection.names.group(group))
        ends = await consumer.end_offsets(list(committed))
    finally:
        await consumer.stop()
        await admin.close()
    return {f"{of.topic}/{of.partition}": ends[of] - at.offset for of, at in committed.items()}


def test_every_process_tells_its_metrics_and_that_it_is_alive(stack: Stack) -> None:
    for process in stack.processes.values():
        alive = httpx.get(f"http://127.0.0.1:{process.health_port}/livez", timeout=5.0)

        assert 200 == alive.status_code
        assert 1.0 == metric(process, "duetime_build_info")
