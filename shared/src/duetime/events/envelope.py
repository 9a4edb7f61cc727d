"""An event with what is known about its journey: id, source, times, and its place in the log.

Knows the CloudEvents 1.0 attributes that we carry; not how they are written (`codec`).
"""

from datetime import datetime

import msgspec

from duetime.events.types import AnyEvent


class Position(msgspec.Struct, frozen=True, gc=False):
    """A place in the log."""

    topic: str
    partition: int
    offset: int


class Envelope(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An event and its journey. `appended_at` and `position` are the log's to say.

    `time` is CloudEvents' `ce_time`, the clock of the process that made the event; `appended_at` is
    the log's one clock, which alone judges what lies before a due time (P4).
    """

    event: AnyEvent
    event_id: str
    source: str
    time: datetime
    traceparent: str | None = None
    position: Position | None = None
    appended_at: datetime | None = None

    def placed(self, position: Position, appended_at: datetime) -> "Envelope":
        """Give the same envelope as the log has accepted it."""
        return msgspec.structs.replace(self, position=position, appended_at=appended_at)


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is no event we can read. A value, not a crash: the reader decides by policy."""

    key: str | None
    reason: str
    position: Position | None = None
    appended_at: datetime | None = None
