"""Identity: ids that follow from what they name, so that a repeat names the same thing.

Knows how derived ids are built; fresh ids come from the ids port in `runtime`.
Derived ids are UUIDv8 (RFC 9562 section 5.8) over a keyed blake2b digest.
"""

from datetime import UTC, datetime
from hashlib import blake2b

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION_8 = 0x8 << 76
_VERSION_MASK = ~(0xF << 76)
_VARIANT = 0x2 << 62
_VARIANT_MASK = ~(0x3 << 62)


def task_id_for_key(tenant: str, idempotency_key: str) -> str:
    """Give the task id that belongs to an idempotency key, the same on every replica."""
    return _uuid8("key", tenant, idempotency_key)


def run_id_for(task_id: str, nominal_at: datetime) -> str:
    """Give the one run id of a task's occurrence at a nominal time (P3)."""
    return _uuid8("due", task_id, str((nominal_at - _EPOCH) // _MICROSECOND))


def run_id_for_request(task_id: str, event_id: str) -> str:
    """Give the run id of a run that someone asked for by hand: the request names it."""
    return _uuid8("run", task_id, event_id)


def _uuid8(*parts: str) -> str:
    # The parts are joined with their lengths, so that ("ab", "c") and ("a", "bc") differ.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    number = int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
    number = (number & _VERSION_MASK | _VERSION_8) & _VARIANT_MASK | _VARIANT
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def microseconds(instant: datetime) -> int:
    """Give an instant as whole microseconds since 1970-01-01T00:00:00Z."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(microseconds_since_epoch: int) -> datetime:
    """Give the instant (UTC) that lies so many microseconds after 1970-01-01T00:00:00Z."""
    return _EPOCH + microseconds_since_epoch * _MICROSECOND


_MICROSECOND = datetime.resolution
