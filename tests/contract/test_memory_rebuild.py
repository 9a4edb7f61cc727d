"""The memory adapter can build its read models anew."""

import pytest

from duetime.store.memory import MemoryStore
from duetime.store.port import Rebuildable
from tests.contract.rebuild_contract import RebuildContract


class TestMemoryRebuild(RebuildContract):
    @pytest.fixture
    def store(self) -> Rebuildable:
        return MemoryStore()
