"""The memory adapter keeps the promises of the read-model port."""

import pytest

from duetime.store.memory import MemoryStore
from duetime.store.port import Store
from tests.contract.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()
