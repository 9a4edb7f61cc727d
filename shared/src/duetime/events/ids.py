"""Identity: ids that follow from what they name, so that a repeat names the same thing.

Knows how derived ids are built; fresh ids come from the ids port in `runtime`.
Derived ids are UUIDv8 (RFC 9562 section 5.8) over a keyed blake2b digest.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VARIANT: Final = {digit: "89ab"[int(digit, 16) & 0x3] for digit in "0123456789abcdef"}
"""What a UUID's variant makes of a random hexadecimal digit."""


def task_id_for_key(tenant: str, idempotency_key: str) -> str:
    """Give the task id that belongs to an idempotency key, the same on every replica."""
    return _uuid8("key", tenant, idempotency_key)


def run_id_for(task_id: str, nominal_at: datetime) -> str:
    """Give the one run id of a task's occurrence at a nominal time (P3)."""
    return _uuid8("due", task_id, str((nominal_at - _EPOCH) // _MICROSECOND))


def run_id_for_request(task_id: str, event_id: str) -> str:
    """Give the run id of a run that someone asked for by hand: the request names it."""
    return _uuid8("run", task_id, event_id)


def _uuid8(kind: str, of: str, name: str) -> str:
    # The parts are joined with their lengths, so that ("ab", "c") and ("a", "bc") differ.
    text = f"{len(kind)}:{kind}{len(of)}:{of}{len(name)}:{name}"
    d = blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{d[:8]}-{d[8:12]}-8{d[13:16]}-{VARIANT[d[16]]}{d[17:20]}-{d[20:]}"


def microseconds(instant: datetime) -> int:
    """Give an instant as whole microseconds since 1970-01-01T00:00:00Z."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(microseconds_since_epoch: int) -> datetime:
    """Give the instant (UTC) that lies so many microseconds after 1970-01-01T00:00:00Z."""
    return _EPOCH + microseconds_since_epoch * _MICROSECOND


_MICROSECOND = datetime.resolution
