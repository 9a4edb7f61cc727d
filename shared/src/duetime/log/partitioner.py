"""Which partition a key belongs to: Kafka's murmur2, the same in every service and adapter.

Source: Apache Kafka's `Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.
"""

from struct import Struct, unpack
from typing import Final

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_MASK: Final = 0xFFFFFFFF
_WORDS: Final = Struct("<9I")  # of a task id, which nearly all keys are


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition (0 .. partitions - 1) of a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """Give the unsigned 32-bit murmur2 hash of a key, seeded as Kafka seeds it."""
    length = len(key)
    h = _SEED ^ length
    whole = length & ~3
    words = _WORDS.unpack(key) if length == _WORDS.size else unpack(f"<{whole // 4}I", key[:whole])
    for word in words:
        k = word * _M & _MASK
        h = (h * _M ^ (k ^ k >> 24) * _M) & _MASK
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h ^= h >> 13
    h = h * _M & _MASK
    return h ^ h >> 15
