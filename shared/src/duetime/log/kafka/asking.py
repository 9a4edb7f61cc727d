"""How the driver asks brokers about topics: so that none comes into being by being asked about.

A broker with `auto.create.topics.enable` creates what it is asked about, with its own defaults,
unless the question says otherwise; aiokafka has no setting for that, and its every client asks.
Knows the driver's modules in which questions are made; asks nothing itself.
"""

from typing import Any, Final

import aiokafka.admin.client
import aiokafka.client
from aiokafka.protocol.metadata import MetadataRequest

_MODULES: Final[tuple[Any, ...]] = (aiokafka.client, aiokafka.admin.client)


class _Question(MetadataRequest):  # type: ignore[misc]  # the driver leaves it untyped
    """A question about topics that creates none."""

    def __init__(self, topics: list[str] | None = None) -> None:
        super().__init__(topics, allow_auto_topic_creation=False)


def create_nothing_by_asking() -> None:
    """Have all clients of the driver ask in that way. Harmless when repeated."""
    for module in _MODULES:
        assert issubclass(module.MetadataRequest, MetadataRequest), "the driver's own, or ours"
        module.MetadataRequest = _Question
