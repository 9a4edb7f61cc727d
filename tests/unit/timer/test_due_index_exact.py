"""The due index over RocksDB where nobody's word counts and no entry is checked."""

from hypothesis import settings

from tests.unit.timer.test_due_index import RocksIndexMachine


class ExactIndexMachine(RocksIndexMachine):
    """Does what the other does, words that are wrong included."""

    exact = True


ExactIndexMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestExactRocksDueIndex = ExactIndexMachine.TestCase
