"""What a process tells of itself before and after its parts are open."""

from contextlib import AsyncExitStack

from duetime.process.host import Host
from duetime.process.settings import ProcessSettings
from duetime.telemetry.metrics import Metrics


async def test_a_process_is_not_ready_before_its_parts_are_open() -> None:
    async with AsyncExitStack() as stack:
        this = Host(name="api", settings=ProcessSettings(), metrics=Metrics(), stack=stack)
        before = this.health.reasons()
        this.open_for_work([])

        assert "opening its parts" == before["parts"]
        assert this.health.ready


async def test_a_process_that_is_asked_to_stop_is_not_ready() -> None:
    async with AsyncExitStack() as stack:
        this = Host(name="api", settings=ProcessSettings(), metrics=Metrics(), stack=stack)
        this.open_for_work([])
        this.stop.set()

        assert "draining" == this.health.reasons()["draining"]
