"""Which records a log inside one process takes.

Knows the bounds of a record; not where it goes.
"""

from collections.abc import Sequence

from duetime import limits
from duetime.log.port import Record
from duetime.log.topics import TOPICS, Cleanup


def size_bytes(record: Record) -> int:
    """Give a record's size as its bound counts it: key, value and headers, in bytes."""
    size = len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers.items():
        size += len(name) + len(value)
    return size


def refusal(record: Record, partitions: int, size: int) -> str | None:
    """Say why a record of this size can never be taken; None: it can."""
    if not 0 <= record.partition < partitions:
        return f"{record.topic} has no partition {record.partition}: it has {partitions}"
    if record.key is None and TOPICS[record.topic].cleanup is Cleanup.COMPACT:
        return f"{record.topic} keeps the latest record of each key, and this one has no key"
    if size > limits.RECORD_BYTES_MAX:
        return f"the record has {size} bytes; at most {limits.RECORD_BYTES_MAX} are taken"
    return None


def too_many(records: Sequence[Record]) -> str | None:
    """Say why none of the records is taken where they are too many for one append."""
    if len(records) <= limits.APPEND_RECORDS_MAX:
        return None
    return f"{len(records)} records at once; at most {limits.APPEND_RECORDS_MAX} are taken"


def refusals(
    records: Sequence[Record], partitions: int, sizes_bytes: Sequence[int]
) -> dict[int, str]:
    """Give the reasons of the records, of these sizes, that can never be taken, by their place."""
    many = too_many(records)
    if many is not None:
        return dict.fromkeys(range(len(records)), many)
    return {
        place: reason
        for place, (record, size) in enumerate(zip(records, sizes_bytes, strict=True))
        if (reason := refusal(record, partitions, size)) is not None
    }
