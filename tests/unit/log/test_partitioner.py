"""The partitioner is Kafka's: the same key goes to the same partition, whoever writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetime.log.partitioner import murmur2, partition_of, partitions_of

KAFKA_VECTORS = {
    # From Apache Kafka's own UtilsTest.testMurmur2, as Java's signed integers.
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}

# Written down when the partitioner was: another answer would tear every task from its history.
GOLDEN_OF_TWELVE = [0, 4, 10, 11, 2, 0, 3, 3, 8, 7, 7, 2]
GOLDEN_OF_FOUR = [0, 0, 2, 3, 2, 0, 3, 3, 0, 3, 3, 2]


def signed(unsigned: int) -> int:
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned


@pytest.mark.parametrize(("key", "expected"), KAFKA_VECTORS.items())
def test_the_hash_of_a_key_is_the_one_that_kafka_computes(key: bytes, expected: int) -> None:
    assert expected == signed(murmur2(key))


@pytest.mark.parametrize(("key", "expected"), KAFKA_VECTORS.items())
def test_the_partition_of_a_key_is_the_one_that_kafka_chooses(key: bytes, expected: int) -> None:
    # Utils.toPositive clears the sign bit, also of the smallest integer.
    assert (expected & 0x7FFFFFFF) % 12 == partition_of(key, 12)


def test_the_golden_partitions_of_task_ids_never_change() -> None:
    ids = [f"0197313f-8e00-7000-8000-{number:012x}" for number in range(12)]

    assert GOLDEN_OF_TWELVE == [partition_of(task_id.encode(), 12) for task_id in ids]
    assert GOLDEN_OF_FOUR == [partition_of(task_id.encode(), 4) for task_id in ids]


@given(key=st.binary(max_size=64), partitions=st.integers(1, 64))
def test_every_key_has_a_partition_that_exists(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


@given(
    keys=st.lists(st.binary(min_size=36, max_size=36)),
    others=st.lists(st.binary(max_size=40), max_size=1),
    partitions=st.integers(1, 64),
)
def test_many_keys_go_where_each_of_them_goes(
    keys: list[bytes], others: list[bytes], partitions: int
) -> None:
    many = [*keys, *others]

    assert [partition_of(key, partitions) for key in many] == partitions_of(many, partitions)


def test_task_ids_spread_evenly_over_the_partitions() -> None:
    counts = [0] * 12
    for number in range(12_000):
        counts[partition_of(f"0197313f-8e00-7000-8000-{number:012x}".encode(), 12)] += 1

    assert 900 < min(counts)
    assert max(counts) < 1_100
