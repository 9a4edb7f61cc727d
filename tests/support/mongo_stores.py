"""Stores on a real MongoDB, as several processes open them: fixtures of the adapter's tests."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import pytest

from duetime.store.mongo import MongoStore
from duetime.store.mongo.schema import Generation
from tests.support.mongo import MongoServer, mongo_server

AGES_SECONDS: Final = 100 * 365 * 24 * 3600.0  # the suite's events are old: nothing is to expire

Opener = Callable[..., AbstractAsyncContextManager[MongoStore]]


@pytest.fixture(scope="session")
def server() -> MongoServer:
    return mongo_server()


@pytest.fixture
def database(server: MongoServer) -> Iterator[str]:
    name = server.database_name()
    yield name
    server.drop(name)


@pytest.fixture
def opened(server: MongoServer, database: str) -> Opener:
    """Open stores on one database, as several processes do."""

    @asynccontextmanager
    async def opener(*, log_id: str = "") -> AsyncIterator[MongoStore]:
        store = MongoStore.open(
            server.uri,
            database=database,
            log_id=log_id,
            retention_seconds=AGES_SECONDS,
            linger_seconds=0,
        )
        try:
            yield store
        finally:
            await store.close()

    return opener


@pytest.fixture
async def store(opened: Opener) -> AsyncIterator[MongoStore]:
    async with opened() as store:
        yield store


def generation_of(store: MongoStore) -> Generation:
    assert store._reading is not None
    return store._reading
