"""How the collections are spread over the shards of a cluster: what to say to it, and saying it.

Knows the shard keys and why they are these; not when a cluster needs them.

Tasks: the hashed id. They are asked for by id, written all over, and ids rise with time.
Runs: (task_id, nominal_at). The runs of one task lie together, in the order of their times, and may
be split among shards where one task has very many. A cluster keeps `_id` unique per shard only, so
the key must follow from the id: a run's id is made of its task and its nominal time, hence not
`due_at`, which jitter may move between two deliveries of one run.
"""

from typing import Any, Final

from pymongo import ASCENDING, HASHED, IndexModel
from pymongo.errors import OperationFailure

from duetime.limits import MONGO_PREPARE_SECONDS_MAX, MONGO_READ_SECONDS_MAX
from duetime.store.mongo.client import Client, RefusedError, ReplacedError, bounded
from duetime.store.mongo.schema import database_of, runs_name, tasks_name
from duetime.store.mongo.state import StateDocument

_KEYS: Final = (
    (tasks_name, {"_id": HASHED}),
    (runs_name, {"task_id": ASCENDING, "nominal_at": ASCENDING}),
)


def plan_sharding(database: str, generation: str) -> list[dict[str, Any]]:
    """Give the admin commands that shard a generation, in their order, as mongosh takes them."""
    commands: list[dict[str, Any]] = [{"enableSharding": database}]
    commands += [
        {"shardCollection": f"{database}.{name(generation)}", "key": dict(key)}
        for name, key in _KEYS
    ]
    return commands


async def live_generation(client: Client, database: str) -> str:
    """Name the generation that is live. Changes nothing; raises RefusedError where there is none.

    A generation's name is made up when the read models are, so nobody can tell it before.
    """
    async with bounded(client, MONGO_READ_SECONDS_MAX):
        try:
            state = await _document(client, database).read()
        except ReplacedError as fault:
            raise RefusedError(
                f"there are no read models in {database} yet: the first start of an api or a "
                "log-projector makes them, and so does --apply"
            ) from fault
    return state.active


async def first_generation(client: Client, database: str) -> str:
    """Name the generation that is live, which in a new database is made for it.

    Which log its read models are of is said by the first process that opens them. Raises
    RefusedError where this is no sharded cluster: then nothing is made.
    """
    async with bounded(client, MONGO_READ_SECONDS_MAX):
        await _check_cluster(client)
        state = await _document(client, database).read_or_create()
    return state.active


async def is_sharded(client: Client, database: str, generation: str) -> bool:
    """Say whether a generation is spread over shards."""
    if not await _is_cluster(client):
        return False
    namespace = f"{database}.{tasks_name(generation)}"
    found = await client["config"]["collections"].find_one({"_id": namespace})
    return found is not None and not found.get("dropped", False)


async def apply_sharding(client: Client, database: str, generation: str) -> None:
    """Shard a generation. Idempotent. Raises RefusedError where this is no sharded cluster."""
    async with bounded(client, MONGO_PREPARE_SECONDS_MAX):
        await _check_cluster(client)
        for name, key in _KEYS:
            # A collection that holds something already needs an index that begins with its key.
            index = IndexModel(list(key.items()), name="shard_key")
            await client[database][name(generation)].create_indexes([index])
        for command in plan_sharding(database, generation):
            try:
                await client.admin.command(command)
            except OperationFailure as refused:
                raise RefusedError(f"{command} was refused: {refused}") from refused


def _document(client: Client, database: str) -> StateDocument:
    return StateDocument(database_of(client, database), log_id="")


async def _check_cluster(client: Client) -> None:
    if not await _is_cluster(client):
        raise RefusedError("this MongoDB is no sharded cluster: there is nothing to spread over")


async def _is_cluster(client: Client) -> bool:
    hello = await client.admin.command("hello")
    return bool(hello.get("msg") == "isdbgrid")
