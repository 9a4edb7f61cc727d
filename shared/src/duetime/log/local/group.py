"""A consumer group inside one process: who owns which partition.

Knows members and partitions, deterministically: the same joins and leaves give the same owners. Not
records, not time; a partition in use changes hands only after its owner has let it go.
"""

from collections.abc import Callable, Mapping, Sequence


class Member:
    """One member as its group sees it. `told` is what the member's last poll told it."""

    __slots__ = ("assigned", "changed", "revoking", "told")

    def __init__(self, changed: Callable[[], None]) -> None:
        self.changed = changed
        self.assigned: dict[int, int] = {}
        self.revoking: dict[int, int] = {}
        self.told: Mapping[int, int] = {}

    def uses(self, partition: int) -> bool:
        """Whether the member knows that it owns the partition, or is just letting it go."""
        generation = self.assigned.get(partition)
        if generation is None:
            return partition in self.revoking
        return self.told.get(partition) == generation


class Group:
    """Owners and generations of the partitions. A generation begins each time one is given."""

    def __init__(self, partitions: int) -> None:
        self._partitions = range(partitions)
        self._members: list[Member] = []
        self._plan: dict[int, Member] = {}
        self._holder: dict[int, Member] = {}
        self._generations = dict.fromkeys(self._partitions, 0)

    def join(self, member: Member) -> list[tuple[Member, int, int]]:
        """Take a member in. Gives what must be let go first: member, partition, generation."""
        self._members.append(member)
        return self._rebalance()

    def leave(self, member: Member) -> list[tuple[Member, int, int]]:
        """Let a member go, with all it held. Harmless when repeated."""
        if member not in self._members:
            return []
        self._members.remove(member)
        for partition in [*member.assigned, *member.revoking]:
            del self._holder[partition]
        member.assigned.clear()
        member.revoking.clear()
        member.changed()
        return self._rebalance()

    def has(self, member: Member) -> bool:
        """Whether the member is in the group."""
        return member in self._members

    def release(self, member: Member, partition: int, generation: int) -> None:
        """Take note that a member has let go. Harmless when it had already."""
        if member.revoking.get(partition) == generation:
            del member.revoking[partition]
            del self._holder[partition]
            self._give(partition)

    def _rebalance(self) -> list[tuple[Member, int, int]]:
        self._plan = sticky(self._partitions, self._members, self._plan)
        let_go: list[tuple[Member, int, int]] = []
        for partition, member in self._plan.items():
            holder = self._holder.get(partition)
            if holder is None:
                self._give(partition)
            elif holder is not member and partition in holder.assigned:
                generation = holder.assigned.pop(partition)
                holder.revoking[partition] = generation
                if holder.told.get(partition) == generation:
                    holder.changed()
                    let_go.append((holder, partition, generation))
                else:  # it never learnt that the partition was its own
                    self.release(holder, partition, generation)
        return let_go

    def _give(self, partition: int) -> None:
        member = self._plan.get(partition)
        if member is None:
            return
        self._generations[partition] += 1
        self._holder[partition] = member
        member.assigned[partition] = self._generations[partition]
        member.changed()


def sticky(
    partitions: Sequence[int], members: Sequence[Member], before: Mapping[int, Member]
) -> dict[int, Member]:
    """Give each partition a member: evenly, moving as few as that allows. Members in join order."""
    if not members:
        return {}
    kept: dict[int, list[int]] = {id(member): [] for member in members}
    for partition in partitions:
        member = before.get(partition)
        if member is not None and id(member) in kept:
            kept[id(member)].append(partition)
    base, extra = divmod(len(partitions), len(members))
    # Those who hold most take the remainder, so that nothing moves without need.
    by_holding = sorted(members, key=lambda member: -len(kept[id(member)]))
    quota = {id(member): base + (rank < extra) for rank, member in enumerate(by_holding)}
    plan = {
        partition: member
        for member in members
        for partition in kept[id(member)][: quota[id(member)]]
    }
    free = [partition for partition in partitions if partition not in plan]
    for member in members:
        missing = quota[id(member)] - min(len(kept[id(member)]), quota[id(member)])
        for partition in free[:missing]:
            plan[partition] = member
        free = free[missing:]
    return dict(sorted(plan.items()))
