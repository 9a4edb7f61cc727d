"""Fixtures of the api's tests."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.api.harness import Api, serving


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Serve the api over memory, with a projector that keeps up."""
    async with serving() as served:
        yield served
