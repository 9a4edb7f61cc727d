"""Which partition a key belongs to: Kafka's murmur2, the same in every service and adapter.

Source: Apache Kafka's `Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.
"""

from typing import Final

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_MASK: Final = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition (0 .. partitions - 1) of a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """Give the unsigned 32-bit murmur2 hash of a key, seeded as Kafka seeds it."""
    length = len(key)
    h = _SEED ^ length
    whole = length & ~3
    for index in range(0, whole, 4):
        k = int.from_bytes(key[index : index + 4], "little") * _M & _MASK
        k ^= k >> 24
        h = (h * _M & _MASK) ^ (k * _M & _MASK)
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h ^= h >> 13
    h = h * _M & _MASK
    return h ^ h >> 15
