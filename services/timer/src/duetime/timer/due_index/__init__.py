"""The due index: each task's state by id, and which task time will wake next.

The adapter over RocksDB is a module of its own, for composition roots.
"""

from duetime.timer.due_index.memory import MemoryDueIndex
from duetime.timer.due_index.port import DueIndex, DueIndexError, Mark

__all__ = ["DueIndex", "DueIndexError", "Mark", "MemoryDueIndex"]
