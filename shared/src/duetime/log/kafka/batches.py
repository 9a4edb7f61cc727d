"""Records as Kafka batches, and what came of a batch as what came of each record.

Knows the size of a batch and its times; sends nothing. Times of records are the driver's: it puts
its own clock in each, and the broker puts the log's clock over it where a topic asks for that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from duetime.log.port import Accepted, Record
from duetime.log.topics import Topic

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
Ends = Mapping[tuple[Topic, int], int]
"""For partitions of topics, the offset of a record in each."""

_UNSET: Final = -1  # what a broker answers where it keeps the sender's time or knows no offset


class Batch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Records of one partition of a topic that are written together, or not at all."""

    builder: Any
    places: Sequence[int]
    times: Sequence[int]  # milliseconds since 1970, as the driver put them

    def accepted(self, answer: Any) -> Iterator[tuple[int, Accepted]]:
        """Give each record's place and outcome, from the broker's answer."""
        first: int = answer.offset
        if answer.timestamp != _UNSET:
            stamped = instant(answer.timestamp)
            for index, place in enumerate(self.places):
                yield place, Accepted(first + index, stamped)
            return
        for index, (place, time) in enumerate(zip(self.places, self.times, strict=True)):
            yield place, Accepted(first + index, instant(time))


def is_exact(answer: Any) -> bool:
    """Whether the broker could say where the batch is: of a repeat that it no longer knows, not."""
    return bool(answer is not None and answer.offset != _UNSET)


def build(producer: Any, records: Iterable[tuple[int, Record]]) -> Iterator[Batch]:
    """Pack records of one partition, each with its place, into as few batches as hold them."""
    builder = producer.create_batch()
    places: list[int] = []
    times: list[int] = []
    for place, record in records:
        written = _add(builder, record)
        if written is None:
            yield Batch(builder=builder, places=places, times=times)
            builder, places, times = producer.create_batch(), [], []
            written = _add(builder, record)
            assert written is not None, "an empty batch takes any record"
        places.append(place)
        times.append(written.timestamp)
    if places:
        # Closed, so that the driver adds nothing of its own to it.
        builder.close()
        yield Batch(builder=builder, places=places, times=times)


def instant(milliseconds: int) -> datetime:
    """Give milliseconds since 1970 as an instant."""
    return _EPOCH + _MILLISECOND * milliseconds


def _add(builder: Any, record: Record) -> Any:
    return builder.append(
        timestamp=None, key=record.key, value=record.value, headers=list(record.headers.items())
    )
