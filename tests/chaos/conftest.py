"""What every test of this folder needs: the shared stack, and callers who note what they did."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.chaos.load import Callers
from tests.support.stack import settled


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
