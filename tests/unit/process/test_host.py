"""What a process tells of itself before and after its parts are open."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from duetime.log.port import LogAwayError
from duetime.process.host import Host, SetupError, host
from duetime.process.settings import ProcessSettings
from duetime.runtime.service import Service
from duetime.telemetry.metrics import Metrics


@asynccontextmanager
async def a_host() -> AsyncIterator[Host]:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        yield Host(
            name="api", settings=ProcessSettings(), metrics=Metrics(), stack=stack, group=group
        )


async def test_a_process_is_not_ready_before_its_parts_are_open() -> None:
    async with a_host() as this:
        before = this.health.reasons()
        this.open_for_work([])

        assert "opening its parts" == before["parts"]
        assert this.health.ready


async def test_a_process_that_is_asked_to_stop_is_not_ready() -> None:
    async with a_host() as this:
        this.open_for_work([])
        this.stop.set()

        assert "draining" == this.health.reasons()["draining"]


def test_a_process_that_is_asked_to_stop_while_it_waits_for_a_part_ends_without_a_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def opener(this: Host) -> Sequence[Service]:
        async def away() -> Sequence[Service]:
            this.stop.set()
            raise LogAwayError("nobody answers")

        return await this.patiently("Kafka", away, (LogAwayError,))

    host("timer", ProcessSettings(health_host="127.0.0.1", health_port=0), opener)
    printed = capsys.readouterr().out

    assert "waiting for what is away" in printed
    assert "stopped" in printed
    assert "Traceback" not in printed


def test_a_process_that_is_set_up_so_that_it_cannot_work_says_one_sentence_and_ends_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = _Begun()

    async def opener(this: Host) -> Sequence[Service]:
        this.begin(begun)
        await begun.running.wait()
        raise SetupError("duetime.tasks has 2 partitions, and 12 are asked for")

    with pytest.raises(SystemExit) as ended:
        host("api", ProcessSettings(health_host="127.0.0.1", health_port=0), opener)
    printed = capsys.readouterr()

    assert 2 == ended.value.code
    assert "duetime.tasks has 2 partitions, and 12 are asked for\n" == printed.err
    assert "Traceback" not in printed.out
    assert "died" not in printed.out
    assert begun.drained.is_set()


class _Begun:
    name = "begun"

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.drained = asyncio.Event()

    async def run(self) -> None:
        self.running.set()
        await self.drained.wait()

    def drain(self) -> None:
        self.drained.set()

    def unready(self) -> str | None:
        return None
