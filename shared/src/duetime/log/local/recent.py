"""The newest records of one partition of a topic, in memory, for readers at its end.

Knows a run of records without gaps, bounded by count and bytes; not the log behind it.
"""

from collections.abc import Sequence

from duetime import limits
from duetime.log.port import Stored


class Recent:
    """Holds the records from `base` to `end`. What is older must be read from the log itself."""

    __slots__ = ("_bytes", "_records", "_sizes", "base")

    def __init__(self, end: int) -> None:
        self.base = end
        self._records: list[Stored] = []
        self._sizes: list[int] = []
        self._bytes = 0

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return self.base + len(self._records)

    def add(self, record: Stored) -> None:
        """Add the record at `end`."""
        assert record.offset == self.end
        size = len(record.key or b"") + len(record.value or b"")
        self._records.append(record)
        self._sizes.append(size)
        self._bytes += size
        # Dropping half at once costs each record one move, not one per record that follows it.
        if (
            len(self._records) >= 2 * limits.LOG_RECENT_RECORDS_MAX
            or self._bytes > 2 * limits.LOG_RECENT_BYTES_MAX
        ):
            self._drop()

    def since(self, offset: int, records_max: int) -> Sequence[Stored]:
        """Give up to `records_max` records from an offset that is not below `base`."""
        first = offset - self.base
        assert first >= 0
        return self._records[first : first + records_max]

    def _drop(self) -> None:
        count = 0
        kept = len(self._records)
        while kept > limits.LOG_RECENT_RECORDS_MAX or self._bytes > limits.LOG_RECENT_BYTES_MAX:
            self._bytes -= self._sizes[count]
            count += 1
            kept -= 1
        del self._records[:count]
        del self._sizes[:count]
        self.base += count
