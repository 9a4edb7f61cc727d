"""Which member of a group owns which partition: a pure function.

Knows members and what each says it holds; not Kafka, not time. All topics of a group have the same
partitions, so a partition number stands for all of them: co-partitioned by construction.

Handing over takes two rounds. In the first a partition that is to move is given to nobody while
its owner still holds it; the owner lets go and asks for the second, in which it is free. So no
partition ever has two owners that both behave, and what stays where it was never stops.
"""

from collections.abc import Mapping

import msgspec


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a member says it holds, and since which round (the group's generation)."""

    generation: int = -1
    partitions: frozenset[int] = frozenset()


def assign(partitions: int, claims: Mapping[str, Claim]) -> dict[str, frozenset[int]]:
    """Give each member its partitions (of 0 .. partitions - 1).

    The same claims give the same answer, in whatever order they come. A partition is missing from
    the answer only while a member that is to lose it still claims it.
    """
    holders = _holders(partitions, claims)
    return {
        member: frozenset(p for p in wanted if holders.get(p, member) == member)
        for member, wanted in balance(partitions, claims).items()
    }


def balance(partitions: int, claims: Mapping[str, Claim]) -> dict[str, frozenset[int]]:
    """Give each member what it is to own in the end: evenly, moving as few as that allows."""
    if not claims:
        return {}
    holders = _holders(partitions, claims)
    kept: dict[str, list[int]] = {member: [] for member in sorted(claims)}
    for partition in range(partitions):
        if partition in holders:
            kept[holders[partition]].append(partition)
    base, extra = divmod(partitions, len(kept))
    # Those who hold most take the remainder, so that nothing moves without need.
    by_holding = sorted(kept, key=lambda member: (-len(kept[member]), member))
    quota = {member: base + (rank < extra) for rank, member in enumerate(by_holding)}
    owned = {member: kept[member][: quota[member]] for member in kept}
    taken = {partition for mine in owned.values() for partition in mine}
    free = [partition for partition in range(partitions) if partition not in taken]
    given: dict[str, frozenset[int]] = {}
    for member, mine in owned.items():
        missing = quota[member] - len(mine)
        given[member] = frozenset(mine + free[:missing])
        free = free[missing:]
    return given


def _holders(partitions: int, claims: Mapping[str, Claim]) -> dict[int, str]:
    """Give each claimed partition its holder: who heard of it last, where two claim it.

    A member that was away (suspended, cut off) comes back with an old claim, which is void.
    """
    holders: dict[int, str] = {}
    for member in sorted(claims, key=lambda member: (claims[member].generation, member)):
        for partition in claims[member].partitions:
            if 0 <= partition < partitions:
                holders[partition] = member
    return holders
