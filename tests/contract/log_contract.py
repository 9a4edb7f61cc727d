"""What every adapter of the log port promises. A subclass supplies `log`, with >= 2 partitions.

The log may hold records of others: tests begin at the ends they find. Offsets may have gaps, and
news may take their time: what must come is waited for, with a bound.
"""

import asyncio
from datetime import timedelta

import pytest

from duetime import limits
from duetime.log.port import (
    Accepted,
    FencedError,
    Log,
    LogAwayError,
    LogError,
    Refused,
)
from duetime.log.topics import Topic
from tests.contract.log_groups_contract import LogGroupsContract
from tests.support.records import (
    MOMENT_SECONDS,
    WAIT_SECONDS,
    a_record,
    appended,
    ends_of,
    gathered,
    read_from,
    until_it_waits,
    values,
)

_TAILED = (Topic.TASKS, Topic.EXECUTIONS)
TOO_LARGE = "x" * (limits.RECORD_BYTES_MAX + 1)


class LogContract(LogGroupsContract):
    # --- append and read ------------------------------------------------------------------------

    async def test_the_records_of_a_partition_are_read_in_the_order_of_their_appends(
        self, log: Log
    ) -> None:
        start = (await log.end_offsets(Topic.TASKS))[1]
        await appended(log, a_record("1", partition=1), a_record("2", partition=1))
        await appended(log, a_record("3", partition=1))

        found = await read_from(log, Topic.TASKS, 1, start)

        assert ["1", "2", "3"] == values(found)
        assert sorted({record.offset for record in found}) == [record.offset for record in found]

    async def test_partitions_and_topics_keep_their_records_apart(self, log: Log) -> None:
        ends = await ends_of(log, list(Topic))
        await appended(
            log,
            a_record("tasks 0"),
            a_record("tasks 1", partition=1),
            a_record("due 0", topic=Topic.DUE),
        )

        async def new(topic: Topic, partition: int) -> list[str]:
            return values(await read_from(log, topic, partition, ends[partition][topic]))

        assert ["tasks 0"] == await new(Topic.TASKS, 0)
        assert ["tasks 1"] == await new(Topic.TASKS, 1)
        assert ["due 0"] == await new(Topic.DUE, 0)
        assert [] == await new(Topic.DUE, 1)

    @pytest.mark.promise("P1")
    async def test_an_accepted_record_is_found_at_the_offset_that_was_told(self, log: Log) -> None:
        outcomes = await appended(log, a_record("a"), a_record("b", partition=1))

        for partition, outcome in enumerate(outcomes):
            records, _ = await log.read(Topic.TASKS, partition, outcome.offset, records_max=1)

            assert [outcome.offset] == [record.offset for record in records]
            assert [outcome.appended_at] == [record.appended_at for record in records]

    async def test_the_end_offset_lies_behind_the_last_record(self, log: Log) -> None:
        before = await log.end_offsets(Topic.TASKS)
        (outcome,) = await appended(log, a_record(partition=1))
        after = await log.end_offsets(Topic.TASKS)

        assert log.partitions == len(after)
        assert outcome.offset >= before[1]
        assert outcome.offset < after[1]
        assert before[0] == after[0]

    async def test_pages_of_any_size_lead_to_the_end(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.TASKS))[0]
        written = [str(number) for number in range(7)]
        await appended(log, *map(a_record, written))
        end = (await log.end_offsets(Topic.TASKS))[0]

        for records_max in (1, 2, 3, 7, 8):
            found = await read_from(log, Topic.TASKS, 0, start, records_max=records_max)

            assert written == values(found)
        assert ([], end) == await log.read(Topic.TASKS, 0, end, records_max=1)

    async def test_each_record_of_an_append_has_its_own_outcome(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.TASKS))[0]
        outcomes = await log.append(
            [
                a_record("first"),
                a_record(partition=log.partitions),
                a_record(TOO_LARGE),
                a_record("second"),
            ]
        )

        assert [Accepted, Refused, Refused, Accepted] == [type(outcome) for outcome in outcomes]
        assert ["first", "second"] == values(await read_from(log, Topic.TASKS, 0, start))

    async def test_a_refusal_says_what_is_wrong(self, log: Log) -> None:
        unknown, large = await log.append([a_record(partition=log.partitions), a_record(TOO_LARGE)])

        assert isinstance(unknown, Refused)
        assert f"no partition {log.partitions}" in unknown.reason
        assert isinstance(large, Refused)
        assert str(limits.RECORD_BYTES_MAX) in large.reason

    async def test_an_append_of_nothing_has_no_outcomes(self, log: Log) -> None:
        assert [] == list(await log.append([]))

    async def test_headers_and_absent_keys_come_back_as_they_were_given(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.DEAD_LETTERS))[0]
        headers = {"ce_id": b"1", "empty": b"", "bytes": bytes(range(256))}
        await appended(
            log,
            a_record(topic=Topic.DEAD_LETTERS, key=None, headers=headers),
            a_record("", topic=Topic.DEAD_LETTERS, key=""),
        )

        keyless, empty = await read_from(log, Topic.DEAD_LETTERS, 0, start)

        assert (None, b"v", headers) == (keyless.key, keyless.value, keyless.headers)
        assert (b"", b"", {}) == (empty.key, empty.value, empty.headers)
        assert (Topic.DEAD_LETTERS, 0) == (keyless.topic, keyless.partition)

    async def test_a_large_batch_over_all_partitions_keeps_its_order(self, log: Log) -> None:
        ends = await ends_of(log, [Topic.TASKS])
        numbers = range(3_000)
        await appended(
            log, *(a_record(str(number), partition=number % log.partitions) for number in numbers)
        )

        for partition, end in ends.items():
            found = await read_from(log, Topic.TASKS, partition, end[Topic.TASKS], records_max=701)

            assert [str(number) for number in numbers[partition :: log.partitions]] == values(found)

    async def test_more_records_than_a_batch_may_have_are_refused(self, log: Log) -> None:
        ends = await log.end_offsets(Topic.TASKS)
        outcomes = await log.append([a_record()] * (limits.APPEND_RECORDS_MAX + 1))

        assert limits.APPEND_RECORDS_MAX + 1 == len(outcomes)
        assert {Refused} == {type(outcome) for outcome in outcomes}
        assert ends == await log.end_offsets(Topic.TASKS)

    async def test_the_time_of_append_never_goes_back_in_a_partition(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.TASKS))[0]
        for _ in range(5):
            await appended(log, a_record(), a_record())

        times = [record.appended_at for record in await read_from(log, Topic.TASKS, 0, start)]

        assert 10 == len(times)
        assert sorted(times) == times
        assert {timedelta(0)} == {time.utcoffset() for time in times}

    # --- transactions ---------------------------------------------------------------------------

    async def test_a_transaction_writes_to_several_topics_and_partitions(self, log: Log) -> None:
        ends = await ends_of(log, [Topic.DUE, Topic.SCHEDULE])
        transactor = await log.transactor("timer", 0)
        outcomes = await transactor.commit(
            [
                a_record("due", topic=Topic.DUE),
                a_record("state", topic=Topic.SCHEDULE),
                a_record("other", topic=Topic.DUE, partition=1),
            ]
        )
        await transactor.close()

        async def new(topic: Topic, partition: int) -> list[tuple[int, str]]:
            found = await read_from(log, topic, partition, ends[partition][topic])
            return list(zip([record.offset for record in found], values(found), strict=True))

        assert [(outcomes[0].offset, "due")] == await new(Topic.DUE, 0)
        assert [(outcomes[1].offset, "state")] == await new(Topic.SCHEDULE, 0)
        assert [(outcomes[2].offset, "other")] == await new(Topic.DUE, 1)

    async def test_a_transaction_that_cannot_be_written_whole_writes_nothing(
        self, log: Log
    ) -> None:
        start = (await log.end_offsets(Topic.DUE))[0]
        transactor = await log.transactor("timer", 0)
        with pytest.raises(LogAwayError):
            await transactor.commit(
                [a_record("good", topic=Topic.DUE), a_record(TOO_LARGE, topic=Topic.DUE)]
            )
        await appended(log, a_record("after", topic=Topic.DUE))

        assert ["after"] == values(await read_from(log, Topic.DUE, 0, start))

    async def test_a_transactor_that_has_failed_stays_dead(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.DUE))[0]
        transactor = await log.transactor("timer", 0)
        with pytest.raises(LogError):
            await transactor.commit([a_record(TOO_LARGE, topic=Topic.DUE)])
        with pytest.raises(LogError):
            await transactor.commit([a_record("late", topic=Topic.DUE)])
        successor = await log.transactor("timer", 0)
        await successor.commit([a_record("new", topic=Topic.DUE)])

        assert ["new"] == values(await read_from(log, Topic.DUE, 0, start))

    async def test_a_newer_transactor_fences_the_older_one_for_good(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.DUE))[0]
        older = await log.transactor("timer", 0)
        await older.commit([a_record("before", topic=Topic.DUE)])
        newer = await log.transactor("timer", 0)
        for _ in range(2):
            with pytest.raises(FencedError):
                await older.commit([a_record("zombie", topic=Topic.DUE)])
        await newer.commit([a_record("after", topic=Topic.DUE)])
        await older.close()
        await newer.close()

        assert ["before", "after"] == values(await read_from(log, Topic.DUE, 0, start))

    async def test_transactors_of_other_names_and_partitions_do_not_fence_each_other(
        self, log: Log
    ) -> None:
        transactors = [
            await log.transactor("timer", 0),
            await log.transactor("timer", 1),
            await log.transactor("another", 0),
        ]
        for transactor in transactors:
            assert 1 == len(await transactor.commit([a_record(topic=Topic.DUE)]))

    async def test_transactions_and_appends_share_one_order(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.EXECUTIONS))[0]
        transactor = await log.transactor("timer", 0)
        await appended(log, a_record("1", topic=Topic.EXECUTIONS))
        await transactor.commit([a_record("2", topic=Topic.EXECUTIONS)])
        await appended(log, a_record("3", topic=Topic.EXECUTIONS))

        assert ["1", "2", "3"] == values(await read_from(log, Topic.EXECUTIONS, 0, start))

    # --- compaction -----------------------------------------------------------------------------

    async def test_a_compacted_topic_gives_at_least_the_latest_record_of_each_key(
        self, log: Log
    ) -> None:
        start = (await log.end_offsets(Topic.SCHEDULE))[0]
        for round_number in range(40):
            await appended(
                log,
                *(
                    a_record(str(round_number), topic=Topic.SCHEDULE, key=key)
                    for key in ("a", "b", "c")[: 3 if round_number < 20 else 2]
                ),
            )

        found = await read_from(log, Topic.SCHEDULE, 0, start, records_max=2)

        latest = {record.key: record.value for record in found}
        assert {b"a": b"39", b"b": b"39", b"c": b"19"} == latest
        assert sorted(record.offset for record in found) == [record.offset for record in found]

    async def test_a_tombstone_is_read_as_the_latest_record_of_its_key(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.SCHEDULE))[0]
        headers = {"why": b"done with"}
        await appended(log, a_record("state", topic=Topic.SCHEDULE))
        await appended(log, a_record(None, topic=Topic.SCHEDULE, headers=headers))

        last = (await read_from(log, Topic.SCHEDULE, 0, start))[-1]

        assert (b"k", None, headers) == (last.key, last.value, last.headers)

    async def test_a_compacted_topic_refuses_records_without_a_key(self, log: Log) -> None:
        (outcome,) = await log.append([a_record(topic=Topic.SCHEDULE, key=None)])

        assert isinstance(outcome, Refused)
        assert "key" in outcome.reason

    async def test_topics_that_are_not_compacted_keep_every_record_of_a_key(self, log: Log) -> None:
        start = (await log.end_offsets(Topic.TASKS))[0]
        for number in range(40):
            await appended(log, a_record(str(number)))

        assert list(map(str, range(40))) == values(await read_from(log, Topic.TASKS, 0, start))

    # --- tails ----------------------------------------------------------------------------------

    async def test_a_tail_from_the_end_sees_only_what_comes_later(self, log: Log) -> None:
        await appended(log, a_record("before"))
        tail = await log.tail(_TAILED)
        await appended(log, a_record("1"), a_record("2"), a_record("due", topic=Topic.DUE))
        await appended(log, a_record("3", topic=Topic.EXECUTIONS, partition=1))
        found = await gathered(lambda: tail.poll(records_max=10, wait_seconds=1.0), 3)
        await tail.close()

        assert ["1", "2"] == values([record for record in found if record.topic is Topic.TASKS])
        assert {"1", "2", "3"} == set(values(found))

    async def test_a_tail_begins_where_it_is_told(self, log: Log) -> None:
        _, second, _ = await appended(log, *map(a_record, ("1", "2", "3")))
        await appended(log, a_record("unseen", partition=1))
        tail = await log.tail(_TAILED, {(Topic.TASKS, 0): second.offset})
        found = await gathered(lambda: tail.poll(records_max=1, wait_seconds=1.0), 2)
        await tail.close()

        assert ["2", "3"] == values(found)

    async def test_a_tail_waits_for_news_and_no_longer_than_it_was_told(self, log: Log) -> None:
        tail = await log.tail(_TAILED)
        async with asyncio.timeout(WAIT_SECONDS):
            nothing = await tail.poll(records_max=10, wait_seconds=MOMENT_SECONDS)
        waiting = asyncio.create_task(
            gathered(lambda: tail.poll(records_max=10, wait_seconds=1.0), 1)
        )
        await until_it_waits(waiting)
        await appended(log, a_record("news"))
        found = await waiting
        await tail.close()
        await tail.close()

        assert [] == list(nothing)
        assert ["news"] == values(found)
