"""Ownership in a Kafka group: even, sticky, complete, and never two owners at once."""

from hypothesis import given
from hypothesis import strategies as st

from duetime.log.kafka.assignment import Claim, assign, balance

NAMES = st.text("abcdef", min_size=1, max_size=4)
PARTITIONS = st.integers(1, 40)


@st.composite
def groups(draw: st.DrawFn) -> tuple[int, dict[str, Claim]]:
    """Any claims at all: overlapping, out of range, of any age."""
    partitions = draw(PARTITIONS)
    claim = st.builds(
        Claim,
        generation=st.integers(-1, 5),
        partitions=st.frozensets(st.integers(-2, partitions + 2)),
    )
    return partitions, draw(st.dictionaries(NAMES, claim, min_size=1, max_size=7))


def settled(partitions: int, members: list[str], claims: dict[str, Claim]) -> dict[str, Claim]:
    """Rounds until nothing moves; every member lets go of what it lost between two of them."""
    current = {member: claims.get(member, Claim()) for member in members}
    for generation in range(10, 13):
        owned = assign(partitions, current)
        current = {
            member: Claim(generation=generation, partitions=owned[member]) for member in members
        }
    return current


@given(groups())
def test_shares_differ_by_one_at_most_and_cover_every_partition(
    group: tuple[int, dict[str, Claim]],
) -> None:
    partitions, claims = group
    owned = balance(partitions, claims)

    sizes = [len(mine) for mine in owned.values()]
    assert max(sizes) - min(sizes) <= 1
    assert list(range(partitions)) == sorted(p for mine in owned.values() for p in mine)


@given(groups())
def test_no_partition_has_two_owners_nor_one_while_another_still_holds_it(
    group: tuple[int, dict[str, Claim]],
) -> None:
    partitions, claims = group
    owned = assign(partitions, claims)

    given_out = [partition for mine in owned.values() for partition in mine]
    newest = {
        partition: max(c.generation for c in claims.values() if partition in c.partitions)
        for claim in claims.values()
        for partition in claim.partitions
    }
    stolen = [
        partition
        for member, mine in owned.items()
        for partition in mine
        if partition in newest
        and (
            partition not in claims[member].partitions
            or claims[member].generation < newest[partition]
        )
    ]
    assert len(set(given_out)) == len(given_out)
    assert [] == stolen


@given(groups(), st.data())
def test_the_order_of_members_does_not_matter(
    group: tuple[int, dict[str, Claim]], draws: st.DataObject
) -> None:
    partitions, claims = group
    shuffled = draws.draw(st.permutations(list(claims)))

    assert assign(partitions, claims) == assign(partitions, {m: claims[m] for m in shuffled})


@given(groups())
def test_two_rounds_settle_a_group_and_a_third_moves_nothing(
    group: tuple[int, dict[str, Claim]],
) -> None:
    partitions, claims = group
    after = settled(partitions, list(claims), claims)

    owned = assign(partitions, after)
    assert list(range(partitions)) == sorted(p for mine in owned.values() for p in mine)
    assert {member: claim.partitions for member, claim in after.items()} == owned


@given(PARTITIONS, st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_who_joins_takes_its_share_and_nothing_moves_between_the_others(
    partitions: int, members: list[str]
) -> None:
    *old, new = members
    before = settled(partitions, old, {})
    after = settled(partitions, members, before)

    for member in old:
        assert after[member].partitions <= before[member].partitions
    share = partitions // len(members)
    assert len(after[new].partitions) in {share, share + 1}


@given(PARTITIONS, st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_who_leaves_takes_nothing_from_the_others_and_all_of_it_is_free_at_once(
    partitions: int, members: list[str]
) -> None:
    *staying, gone = members
    before = settled(partitions, members, {})
    owned = assign(partitions, {member: before[member] for member in staying})

    assert gone not in owned
    assert list(range(partitions)) == sorted(p for mine in owned.values() for p in mine)
    for member in staying:
        assert before[member].partitions <= owned[member]


@given(PARTITIONS)
def test_a_member_that_was_away_has_lost_what_others_got_meanwhile(partitions: int) -> None:
    everything = frozenset(range(partitions))
    away = Claim(generation=3, partitions=everything)
    owner = Claim(generation=7, partitions=everything)
    owned = assign(partitions, {"a": away, "b": owner})

    assert frozenset() == owned["a"]
