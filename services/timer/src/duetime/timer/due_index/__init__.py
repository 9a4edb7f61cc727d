"""The due index: each task's state by id, and which task time will wake next.

The adapter over RocksDB is a module of its own, for composition roots.
"""

from duetime.timer.due_index.memory import MemoryDueIndex
from duetime.timer.due_index.port import UNKNOWN, DueIndex, DueIndexError, Mark, Unknown

__all__ = ["UNKNOWN", "DueIndex", "DueIndexError", "Mark", "MemoryDueIndex", "Unknown"]
