"""What may be asked of a task, as frozen values. Imperative names; `decide` answers them."""

import msgspec

from duetime.events.types import Definition


class CreateTask(msgspec.Struct, frozen=True, kw_only=True):
    """Register a task. `fingerprint` digests the request; `keyed`: the id follows from a key."""

    task_id: str
    tenant: str
    actor: str
    definition: Definition
    fingerprint: str = ""
    keyed: bool = False


class ReplaceTask(msgspec.Struct, frozen=True, kw_only=True):
    """Give a task a new definition; `expected_revision` makes it conditional."""

    actor: str
    definition: Definition
    expected_revision: int | None = None


class DeleteTask(msgspec.Struct, frozen=True, kw_only=True):
    """Take a task away; `expected_revision` makes it conditional."""

    actor: str
    expected_revision: int | None = None
