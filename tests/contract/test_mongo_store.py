"""The MongoDB adapter keeps the promises of the read-model port, and those of its own."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from duetime.store.mongo import MongoStore
from duetime.store.port import Store
from tests.contract.store_contract import StoreContract
from tests.support.mongo import MongoServer, mongo_server

pytestmark = pytest.mark.mongo

AGES_SECONDS: Final = 100 * 365 * 24 * 3600.0  # the suite's events are old: nothing is to expire


@pytest.fixture(scope="session")
def server() -> MongoServer:
    return mongo_server()


@pytest.fixture
def database(server: MongoServer) -> Iterator[str]:
    name = server.database_name()
    yield name
    server.drop(name)


class TestMongoStore(StoreContract):
    @pytest.fixture
    async def store(self, server: MongoServer, database: str) -> AsyncIterator[Store]:
        store = MongoStore.open(server.uri, database=database, retention_seconds=AGES_SECONDS)
        yield store
        await store.close()
