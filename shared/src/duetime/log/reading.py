"""Records of the log as events: the one bridge between what is stored and what it says."""

from duetime.events.codec import decode, encode
from duetime.events.envelope import Envelope, Position, Unreadable
from duetime.log.port import Record, Stored
from duetime.log.topics import Topic


def read_event(record: Stored) -> Envelope | Unreadable:
    """Read a stored record as an event; what cannot be read says why."""
    return decode(
        key=record.key,
        value=record.value,
        headers=record.headers,
        position=Position(record.topic, record.partition, record.offset),
        appended_at=record.appended_at,
    )


def event_record(topic: Topic, partition: int, envelope: Envelope) -> Record:
    """Give the record that appends an event to a partition of a topic."""
    key, value, headers = encode(envelope)
    return Record(topic=topic, partition=partition, key=key, value=value, headers=headers)


def dead_letter(record: Stored, reason: str) -> Record:
    """Give the copy of an unreadable record for people to look at, with the reason in headers."""
    headers = {
        **record.headers,
        "duetime_reason": reason.encode(),
        "duetime_from": f"{record.topic}/{record.partition}/{record.offset}".encode(),
    }
    return Record(
        topic=Topic.DEAD_LETTERS,
        partition=record.partition,
        key=record.key,
        value=record.value,
        headers=headers,
    )
