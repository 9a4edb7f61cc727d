"""Recurrence rules as frozen values.

Knows what can be said about repetition; not when the next time comes (`next`), nor what a task is.
"""

import msgspec


class Daily(msgspec.Struct, frozen=True, gc=False, tag_field="rule", tag="daily"):
    """Every day at the wall-clock time at which the task's first occurrence stands, in its zone."""


Recurrence = Daily
"""Every rule there is. Further rules join as a union with their own tags."""
