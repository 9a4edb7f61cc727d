"""The promises of Duetime, in the words that users read.

Knows the text of each promise and whether it is implemented; not which tests prove it: they say
so themselves, with `@pytest.mark.promise("P1")`. `make lint` fails when an implemented promise
has no such test.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise.

    Attributes:
        name: how tests and documents refer to it, P1 to P7.
        short: its title.
        text: what users may rely on.
        implemented: whether users may rely on it today; then a test must prove it.
    """

    name: str
    short: str
    text: str
    implemented: bool


PROMISES: Final = (
    Promise(
        name="P1",
        short="Nothing accepted is lost",
        text="When a write was answered with a 2xx, its event is on stable storage: a crash or a "
        "power cut right after the answer does not take it back.",
        implemented=True,
    ),
    Promise(
        name="P2",
        short="On time",
        text="Every occurrence starts within 10 seconds of its due time, also when one process or "
        "one of three brokers is killed, and never before it; in a healthy system it is late by "
        "milliseconds.",
        implemented=True,
    ),
    Promise(
        name="P3",
        short="One identity per occurrence",
        text="An occurrence has one run id, which follows from the task and the time. Without a "
        "fault it starts exactly once; after a fault it may start again, under the same run id, "
        "so that a target can tell.",
        implemented=True,
    ),
    Promise(
        name="P4",
        short="Changes win",
        text="An update, a pause or a delete that was acknowledged at least one second before the "
        "due time decides what happens at that time.",
        implemented=True,
    ),
    Promise(
        name="P5",
        short="No silence",
        text="An occurrence that does not run, other than by a change of its owner, leaves a "
        "record that says why.",
        implemented=True,
    ),
    Promise(
        name="P6",
        short="The log is the truth",
        text="The timer's state and the read models can be thrown away: read again from the log "
        "they come back equal.",
        implemented=True,
    ),
    Promise(
        name="P7",
        short="The embedded mode is the same system",
        text="One process over SQLite runs the same decisions, events and API as a fleet over "
        "Kafka and MongoDB; only the adapters differ.",
        implemented=True,
    ),
)
