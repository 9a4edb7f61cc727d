"""The one document that says which generation is live and how far each generation has read.

Knows that document, and the rules by which it changes; not what lies in the generations.
One document, so that each of these is one step: a projector's positions are taken only while the
generation it wrote to still counts, and a rebuild takes over only if it has read at least as far.
A generation's name is given once and never again, also where the database was emptied and is made
again: whoever still writes to an earlier one spoils nothing and is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from duetime.store.mongo.client import Collection, RefusedError, ReplacedError, Row
from duetime.store.port import TopicPartition

FORMAT_VERSION: Final = 1
STATE: Final = "read_models"

_ESCAPES: Final = (("%", "%25"), (".", "%2E"), ("$", "%24"))  # what a field's name must not have
LOST: Final = "the read models were lost meanwhile"
GIVEN_UP: Final = "this rebuild was given up: a newer one was begun"
_EMPTIED: Final = "the read models were emptied or replaced; they are to be opened anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The document, as it was read: the live generation, and what each has read."""

    active: str
    positions_of: Mapping[str, Mapping[TopicPartition, int]]

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """How far the live generation has read."""
        return self.positions_of.get(self.active, {})


class StateDocument:
    """The document in its collection."""

    def __init__(self, database: AsyncDatabase[Row], *, log_id: str) -> None:
        """Take the database. `log_id` names the log the read models are built from; "": any."""
        # What was read here is promised to be there: it must not be undone by a new primary.
        self._collection: Final[Collection] = database.get_collection(
            "state", read_concern=ReadConcern("majority")
        )
        self._log_id: Final = log_id

    async def read_or_create(self) -> State:
        """Read it, or make it where the database is new. Raises RefusedError."""
        row = await self._collection.find_one({"_id": STATE})
        if row is None:
            first = _new_name()
            new = {
                "_id": STATE,
                "format": FORMAT_VERSION,
                "log": self._log_id,
                "active": first,
                "generations": {first: {"positions": {}}},
            }
            try:
                await self._collection.insert_one(new)
            except DuplicateKeyError:
                return await self.read_or_create()
            row = new
        self._check(row)
        if self._log_id and not row.get("log", ""):
            await self._claim()
        return _state(row)

    async def read(self) -> State:
        """Read it. Raises ReplacedError where it is gone, RefusedError where it is not ours."""
        row = await self._collection.find_one({"_id": STATE})
        if row is None:
            raise ReplacedError(_EMPTIED)
        self._check(row)
        return _state(row)

    async def advance(
        self,
        generation: str,
        positions: Mapping[TopicPartition, int],
        *,
        must_be_live: bool,
    ) -> None:
        """Raise a generation's positions. Raises ReplacedError where that generation is no more."""
        of = f"generations.{generation}"
        wanted = {"_id": STATE, of: {"$exists": True}}
        if must_be_live:
            wanted["active"] = generation
        highest = {f"{of}.positions.{_field(at)}": offset for at, offset in positions.items()}
        changed = await self._collection.update_one(wanted, {"$max": highest})
        if not changed.matched_count:
            raise ReplacedError(_EMPTIED)

    async def begin(self, state: State) -> str:
        """Name a new generation; an earlier rebuild that never ended is given up."""
        name = _new_name()
        change: dict[str, Any] = {"$set": {f"generations.{name}": {"positions": {}}}}
        given_up = [known for known in state.positions_of if known != state.active]
        if given_up:
            change["$unset"] = {f"generations.{known}": "" for known in given_up}
        changed = await self._collection.update_one({"_id": STATE, "active": state.active}, change)
        if not changed.matched_count:
            raise ReplacedError(_EMPTIED)
        return name

    async def activate(self, state: State, generation: str) -> bool:
        """Make a generation the live one if it has read at least as far; say whether it is now.

        Raises ReplacedError where that generation was given up.
        """
        if state.active == generation:
            return True
        own = state.positions_of.get(generation)
        if own is None:
            raise ReplacedError(GIVEN_UP)
        if any(own.get(at, 0) < offset for at, offset in state.positions.items()):
            return False
        # The live one goes on meanwhile: whether it is still behind is part of the same step.
        live = f"generations.{state.active}.positions"
        behind = {f"{live}.{_field(at)}": {"$not": {"$gt": offset}} for at, offset in own.items()}
        changed = await self._collection.update_one(
            {
                "_id": STATE,
                "active": state.active,
                f"generations.{generation}": {"$exists": True},
                **behind,
            },
            {"$set": {"active": generation}},
        )
        return bool(changed.matched_count)

    async def forget(self, generation: str) -> None:
        """Remove a generation that is not live."""
        await self._collection.update_one(
            {"_id": STATE, "active": {"$ne": generation}},
            {"$unset": {f"generations.{generation}": ""}},
        )

    async def _claim(self) -> None:
        """Name the log of read models that were made before any was known. Raises RefusedError."""
        unnamed = {"_id": STATE, "log": {"$in": ["", None]}}
        changed = await self._collection.update_one(unnamed, {"$set": {"log": self._log_id}})
        if not changed.matched_count:
            self._check(await self._collection.find_one({"_id": STATE}) or {})  # others were faster

    def _check(self, row: Row) -> None:
        found = row.get("format")
        if not isinstance(found, int) or found > FORMAT_VERSION:
            raise RefusedError(
                f"the read models have format {found}, and this Duetime knows formats up to "
                f"{FORMAT_VERSION}: use the newer Duetime that wrote them, or another database"
            )
        log_id = row.get("log", "")
        if self._log_id and log_id and log_id != self._log_id:
            raise RefusedError(
                f"the read models were built from another log ({log_id}, not {self._log_id}): "
                f"name another database, or drop this one to have it built again"
            )


def _state(row: Row) -> State:
    return State(
        active=str(row["active"]),
        positions_of={
            name: {
                _topic_partition(field): int(offset)
                for field, offset in generation["positions"].items()
            }
            for name, generation in row["generations"].items()
        },
    )


def _new_name() -> str:
    return str(ObjectId())


def _field(at: TopicPartition) -> str:
    topic = at.topic
    for character, escape in _ESCAPES:
        topic = topic.replace(character, escape)
    return f"{topic}:{at.partition}"


def _topic_partition(field: str) -> TopicPartition:
    topic, _, partition = field.rpartition(":")
    for character, escape in reversed(_ESCAPES):
        topic = topic.replace(escape, character)
    return TopicPartition(topic, int(partition))
