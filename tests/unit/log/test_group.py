"""A group gives each partition one owner, evenly, and moves as few as it can."""

from hypothesis import given
from hypothesis import strategies as st

from duetime.log.local.group import Group, Member, sticky


def a_member() -> Member:
    return Member(changed=lambda: None)


def tell(*members: Member) -> None:
    """Let the members learn what they own, as a poll does."""
    for member in members:
        member.told = dict(member.assigned)


def let_go(group: Group, *members: Member) -> None:
    """Let the members release what is being taken from them, as their next poll does."""
    for member in members:
        for partition, generation in list(member.revoking.items()):
            group.release(member, partition, generation)


def test_a_second_member_gets_nothing_that_is_in_use_before_it_was_let_go() -> None:
    group, older, newer = Group(4), a_member(), a_member()
    group.join(older)
    tell(older)
    to_let_go = group.join(newer)

    assert [(older, 2, 1), (older, 3, 1)] == to_let_go
    assert {0: 1, 1: 1} == older.assigned
    assert {} == newer.assigned
    let_go(group, older)
    assert {2: 2, 3: 2} == newer.assigned


def test_a_second_member_gets_at_once_what_its_owner_never_knew_of() -> None:
    group, older, newer = Group(4), a_member(), a_member()
    group.join(older)

    assert [] == group.join(newer)
    assert {2: 2, 3: 2} == newer.assigned


def test_a_late_release_of_an_older_generation_changes_nothing() -> None:
    group, older, newer = Group(2), a_member(), a_member()
    group.join(older)
    tell(older)
    ((_, partition, generation),) = group.join(newer)
    let_go(group, older)
    tell(newer)
    group.leave(newer)
    tell(older)
    group.join(newer)
    group.release(older, partition, generation)

    assert {partition: generation + 2} == older.revoking
    assert {} == newer.assigned


def test_an_owner_may_use_a_partition_until_it_has_let_it_go() -> None:
    group, older, newer = Group(2), a_member(), a_member()
    group.join(older)
    untold = older.uses(0)
    tell(older)
    group.join(newer)

    assert not untold
    assert older.uses(0)
    assert older.uses(1)
    assert not newer.uses(1)
    let_go(group, older)
    assert not older.uses(1)
    assert not newer.uses(1)
    tell(newer)
    assert newer.uses(1)


def test_more_members_than_partitions_leave_some_idle_until_one_goes() -> None:
    group, members = Group(2), [a_member() for _ in range(3)]
    for member in members:
        group.join(member)

    assert [1, 1, 0] == [len(member.assigned) for member in members]
    group.leave(members[0])
    assert [0, 1, 1] == [len(member.assigned) for member in members]


@given(
    partitions=st.integers(1, 24),
    steps=st.lists(st.tuples(st.sampled_from(["join", "leave"]), st.integers(0, 5)), max_size=30),
)
def test_partitions_are_shared_evenly_and_move_only_where_they_must(
    partitions: int, steps: list[tuple[str, int]]
) -> None:
    every = range(partitions)
    members: list[Member] = []
    plan: dict[int, Member] = {}
    for step, choice in steps:
        if step == "join":
            members.append(a_member())
        elif members:
            members.pop(choice % len(members))
        before, plan = plan, sticky(every, members, plan)
        if not members:
            assert {} == plan
            continue
        shares = {
            id(member): [partition for partition in every if plan[partition] is member]
            for member in members
        }

        sizes = [len(share) for share in shares.values()]
        assert max(sizes) - min(sizes) <= 1
        moved = sum(
            before[partition] in members and before[partition] is not plan[partition]
            for partition in every
            if partition in before
        )
        assert moved <= -(-partitions // len(members))


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["join", "leave", "tell", "release"]), st.integers(0, 3)),
        max_size=60,
    )
)
def test_a_partition_never_has_two_users(steps: list[tuple[str, int]]) -> None:
    group, members = Group(5), [a_member() for _ in range(4)]
    generations = dict.fromkeys(range(5), 0)
    for step, choice in steps:
        member = members[choice]
        match step:
            case "join" if not group.has(member):
                group.join(member)
            case "leave":
                group.leave(member)
            case "tell":
                tell(member)
            case _:
                let_go(group, member)
        for partition in range(5):
            holders = [m for m in members if partition in m.assigned or partition in m.revoking]

            assert len(holders) <= 1
            for holder in holders:
                generation = {**holder.assigned, **holder.revoking}[partition]
                assert generation >= generations[partition]
                generations[partition] = generation
        if any(map(group.has, members)) and not any(m.revoking for m in members):
            assert set(range(5)) == {p for m in members for p in m.assigned}
