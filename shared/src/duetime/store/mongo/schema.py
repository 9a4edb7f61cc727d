"""The collections of one generation of the read models, and their indexes.

Knows names, indexes and expiry; not what is asked (`reads`, `writes`), nor which generation is live
(`generations`). Every order that a list has is one index, read from the cursor on.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from duetime.limits import EXPIRY_GRACE_SECONDS
from duetime.store.mongo.client import Client, Collection, Row

TASKS_BY_PLACE: Final = "tasks_by_place"
RUNS_BY_END: Final = "runs_by_end"
RUNS_OF_TASK: Final = "runs_of_task"
EXPIRY: Final = "expiry"

_DORMANT_SECONDS: Final = (1 << 31) - 1  # the most that MongoDB takes: 68 years
_COLLECTION: Final = re.compile(r"(?:tasks|runs)_([0-9a-f]{24})")

# Partial, so that writing stays cheap: what is not listed, or has not ended, is in no index of it.
_TASK_INDEXES: Final = (
    IndexModel(
        [("section", ASCENDING), ("placed_at", ASCENDING), ("_id", ASCENDING)],
        name=TASKS_BY_PLACE,
        partialFilterExpression={"section": {"$exists": True}},
    ),
    # Dormant until the projector has read to the end: an unread event may bring a task back.
    IndexModel(
        [("expires_at", ASCENDING)],
        name=EXPIRY,
        expireAfterSeconds=_DORMANT_SECONDS,
        partialFilterExpression={"expires_at": {"$exists": True}},
    ),
)
_RUN_INDEXES: Final = (
    IndexModel([("finished_at", DESCENDING), ("_id", DESCENDING)], name=RUNS_BY_END),
    IndexModel(
        [("task_id", ASCENDING), ("finished_at", DESCENDING), ("_id", DESCENDING)],
        name=RUNS_OF_TASK,
    ),
    IndexModel([("expires_at", ASCENDING)], name=EXPIRY, expireAfterSeconds=0),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generation:
    """One set of read models. Compared by identity: each store object has its own."""

    name: str
    tasks: Collection
    runs: Collection


def database_of(client: Client, name: str) -> AsyncDatabase[Row]:
    """Give the database as it is always used: from the primary, acknowledged by a majority."""
    return client.get_database(
        name,
        read_preference=ReadPreference.PRIMARY,
        read_concern=ReadConcern("local"),
        write_concern=WriteConcern("majority"),
    )


def tasks_name(generation: str) -> str:
    """Name the collection of a generation's tasks."""
    return f"tasks_{generation}"


def runs_name(generation: str) -> str:
    """Name the collection of a generation's runs."""
    return f"runs_{generation}"


def generation_of(database: AsyncDatabase[Row], name: str) -> Generation:
    """Give the collections of a generation."""
    return Generation(name=name, tasks=database[tasks_name(name)], runs=database[runs_name(name)])


async def create_indexes(generation: Generation) -> None:
    """Create what is missing of a generation's collections and indexes. Idempotent."""
    for collection, wanted in (
        (generation.tasks, _TASK_INDEXES),
        (generation.runs, _RUN_INDEXES),
    ):
        present = {str(index["name"]) async for index in await collection.list_indexes()}
        missing = [index for index in wanted if index.document["name"] not in present]
        if missing:
            await collection.create_indexes(missing)


async def let_tasks_expire(database: AsyncDatabase[Row], generation: Generation) -> None:
    """Let MongoDB delete old tasks too, from now on. Idempotent."""
    index: dict[str, Any] = {"name": EXPIRY, "expireAfterSeconds": int(EXPIRY_GRACE_SECONDS)}
    await database.command("collMod", generation.tasks.name, index=index)


async def generation_names(database: AsyncDatabase[Row]) -> dict[str, str]:
    """Give the collections that are there, each with the generation that it belongs to."""
    names = await database.list_collection_names()
    matches = {name: _COLLECTION.fullmatch(name) for name in names}
    return {name: match[1] for name, match in matches.items() if match is not None}
