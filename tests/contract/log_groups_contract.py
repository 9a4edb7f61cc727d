"""The half of the log contract that is about groups and their members. See `log_contract`."""

import asyncio

import pytest

from duetime.log.port import Commit, Log, LogError, Stored, Subscription
from duetime.log.topics import Topic
from tests.support.records import (
    MOMENT_SECONDS,
    WAIT_SECONDS,
    a_record,
    appended,
    arrived,
    delivering,
    ends_of,
    joined,
    polled_until,
    settled,
    until_it_waits,
    values,
)

TOPICS = (Topic.TASKS, Topic.EXECUTIONS)


class LogGroupsContract:
    # --- delivery -------------------------------------------------------------------------------

    async def test_a_lone_member_is_given_every_partition(self, log: Log) -> None:
        member, polled = await joined(log, "alone", TOPICS)
        await member.close()

        assert list(range(log.partitions)) == sorted(polled.assigned)
        assert {} == polled.positions

    async def test_an_assigned_partition_gives_nothing_before_it_is_told_from_where(
        self, log: Log
    ) -> None:
        member, _ = await joined(log, "silent", TOPICS)
        await appended(log, a_record())
        polled = await member.poll(records_max=10, wait_seconds=MOMENT_SECONDS)
        await member.close()

        assert [] == list(polled.records)
        assert {} == polled.positions

    async def test_delivery_begins_at_the_offset_that_was_said(self, log: Log) -> None:
        outcomes = await appended(log, a_record("1"), a_record("2"), a_record("3"))
        member, _ = await joined(log, "middle", TOPICS)
        member.deliver(0, {Topic.TASKS: outcomes[1].offset})
        found = await arrived(member, 2)
        await member.close()

        assert ["2", "3"] == values(found)

    async def test_delivery_can_begin_again_elsewhere(self, log: Log) -> None:
        (first, *_) = await appended(log, a_record("1"), a_record("2"))
        member, _ = await joined(log, "again", TOPICS)
        for _ in range(2):
            member.deliver(0, {Topic.TASKS: first.offset})

            assert ["1", "2"] == values(await arrived(member, 2))
        await member.close()

    async def test_topics_are_assigned_together_and_delivered_each_from_its_own_offset(
        self, log: Log
    ) -> None:
        member = await delivering(log, "both", *TOPICS)
        await appended(
            log,
            a_record("task", partition=1),
            a_record("execution", topic=Topic.EXECUTIONS, partition=1),
            a_record("due", topic=Topic.DUE, partition=1),
        )
        found = await arrived(member, 2)
        await member.close()

        assert {(Topic.TASKS, 1, b"task"), (Topic.EXECUTIONS, 1, b"execution")} == {
            (record.topic, record.partition, record.value) for record in found
        }

    async def test_positions_are_those_of_the_next_record_and_reach_the_end(self, log: Log) -> None:
        member = await delivering(log, "positions", *TOPICS)
        transactor = await log.transactor("timer", 0)
        await appended(log, a_record(), a_record(partition=1))
        await transactor.commit([a_record(topic=Topic.EXECUTIONS)])
        ends = await ends_of(log, TOPICS)
        polled = await polled_until(member, lambda polled: polled.positions == ends)
        await member.close()

        assert ends == polled.positions

    async def test_delivery_from_the_end_is_at_its_end_without_a_record(self, log: Log) -> None:
        ends = await ends_of(log, TOPICS)
        member = await delivering(log, "at the end", *TOPICS)
        polled = await polled_until(member, lambda polled: polled.positions == ends)
        await member.close()

        assert [] == list(polled.records)

    async def test_a_poll_gives_at_most_what_was_asked_and_the_next_one_the_rest(
        self, log: Log
    ) -> None:
        member = await delivering(log, "few", *TOPICS)
        count = 5 * log.partitions
        await appended(log, *(a_record(str(i), partition=i % log.partitions) for i in range(count)))
        found: list[Stored] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while len(found) < count:
                polled = await member.poll(records_max=3, wait_seconds=1.0)
                found += polled.records

                assert len(polled.records) <= 3
        await member.close()

        assert sorted(map(str, range(count))) == sorted(values(found))
        for partition in range(log.partitions):
            of_partition = [record for record in found if record.partition == partition]

            assert list(map(str, range(partition, count, log.partitions))) == values(of_partition)

    async def test_a_busy_partition_does_not_starve_another(self, log: Log) -> None:
        member = await delivering(log, "fair", *TOPICS)
        # More than a log may hand over in one piece, since that much it may read ahead.
        await appended(log, *[a_record("x" * 1_000)] * 9_000)
        await appended(log, a_record("one", partition=1))
        found = await arrived(member, 9_000, records_max=100)
        await member.close()

        assert "one" in values(found)

    async def test_two_groups_are_each_given_every_record(self, log: Log) -> None:
        members = [await delivering(log, group, *TOPICS) for group in ("one", "two")]
        await appended(log, a_record("for both"))

        for member in members:
            assert ["for both"] == values(await arrived(member, 1))
            await member.close()

    async def test_a_paused_partition_is_held_and_goes_on_where_it_was(self, log: Log) -> None:
        member = await delivering(log, "paused", *TOPICS)
        member.pause(0)
        await appended(log, a_record("held"), a_record("other", partition=1))

        assert ["other"] == values(await arrived(member, 1))
        polled = await member.poll(records_max=10, wait_seconds=MOMENT_SECONDS)
        assert [] == list(polled.records)
        assert 0 in polled.positions
        member.resume(0)
        assert ["held"] == values(await arrived(member, 1))
        await member.close()

    # --- waiting --------------------------------------------------------------------------------

    async def test_a_poll_without_news_ends_by_itself(self, log: Log) -> None:
        member = await delivering(log, "bounded", *TOPICS)
        async with asyncio.timeout(WAIT_SECONDS):
            for wait_seconds in (0.0, MOMENT_SECONDS, MOMENT_SECONDS):
                polled = await member.poll(records_max=10, wait_seconds=wait_seconds)

                assert [] == list(polled.records)
        await member.close()

    async def test_news_end_a_waiting_poll(self, log: Log) -> None:
        member = await delivering(log, "woken by news", *TOPICS)
        waiting = asyncio.create_task(arrived(member, 1))
        await until_it_waits(waiting)
        await appended(log, a_record("news"))

        assert ["news"] == values(await waiting)
        await member.close()

    async def test_a_wake_ends_a_waiting_poll(self, log: Log) -> None:
        member = await _quiet(log, "woken")
        waiting = asyncio.create_task(member.poll(records_max=10, wait_seconds=3_600.0))
        await until_it_waits(waiting)
        member.wake()
        async with asyncio.timeout(WAIT_SECONDS):
            polled = await waiting
        await member.close()

        assert [] == list(polled.records)

    async def test_a_wake_between_two_polls_is_not_lost(self, log: Log) -> None:
        member = await _quiet(log, "woken early")
        member.wake()
        async with asyncio.timeout(WAIT_SECONDS):
            polled = await member.poll(records_max=10, wait_seconds=3_600.0)
        await member.close()

        assert [] == list(polled.records)

    async def test_a_poll_that_was_cancelled_has_taken_nothing(self, log: Log) -> None:
        member = await delivering(log, "cancelled", *TOPICS)
        waiting = asyncio.create_task(arrived(member, 2))
        await until_it_waits(waiting)
        append = asyncio.create_task(appended(log, a_record("kept")))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await append

        assert ["kept"] == values(await arrived(member, 1))
        await member.close()

    # --- groups ---------------------------------------------------------------------------------

    async def test_a_group_that_has_committed_nothing_has_no_positions(self, log: Log) -> None:
        member, _ = await joined(log, "new group", TOPICS)

        assert {} == await member.committed(0)
        await member.close()

    @pytest.mark.promise("P1")
    async def test_a_later_member_finds_what_its_group_has_committed_with_its_note(
        self, log: Log
    ) -> None:
        member, _ = await joined(log, "successors", TOPICS)
        await member.commit(0, {Topic.TASKS: Commit(3, "fold from 7"), Topic.EXECUTIONS: Commit(1)})
        await member.commit(0, {Topic.TASKS: Commit(5, "fold from 9")})
        await member.close()
        later, _ = await joined(log, "successors", TOPICS)
        committed = await later.committed(0)
        elsewhere = await later.committed(1)
        await later.close()

        assert {
            Topic.TASKS: Commit(5, "fold from 9"),
            Topic.EXECUTIONS: Commit(1, ""),
        } == committed
        assert {} == elsewhere

    async def test_groups_keep_their_positions_apart(self, log: Log) -> None:
        member, _ = await joined(log, "mine", TOPICS)
        other, _ = await joined(log, "theirs", TOPICS)
        await member.commit(0, {Topic.TASKS: Commit(3)})

        assert {} == await other.committed(0)
        await member.close()
        await other.close()

    async def test_members_of_a_group_share_its_partitions_evenly(self, log: Log) -> None:
        members = [await log.subscribe("shared", TOPICS) for _ in range(2)]
        owned = await settled(log, members)
        for member in members:
            await member.close()

        shares = sorted(map(len, owned.values()))
        assert [log.partitions // 2, -(-log.partitions // 2)] == shares

    async def test_a_record_reaches_one_member_of_a_group_only(self, log: Log) -> None:
        ends = await ends_of(log, TOPICS)
        members = [await log.subscribe("divided", TOPICS) for _ in range(2)]
        for member, owned in (await settled(log, members)).items():
            for partition in owned:
                member.deliver(partition, ends[partition])
        await appended(log, *(a_record(str(p), partition=p) for p in range(log.partitions)))
        found: list[str] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while len(found) < log.partitions:
                for member in members:
                    polled = await member.poll(records_max=10, wait_seconds=MOMENT_SECONDS)
                    found += values(polled.records)
        for member in members:
            await member.close()

        assert list(map(str, range(log.partitions))) == sorted(found)

    async def test_a_partition_in_use_is_given_away_only_after_its_owner_has_let_it_go(
        self, log: Log
    ) -> None:
        older, _ = await joined(log, "handed over", TOPICS)
        newer = await log.subscribe("handed over", TOPICS)
        asking = asyncio.create_task(newer.poll(records_max=1, wait_seconds=MOMENT_SECONDS))
        told = await polled_until(older, lambda polled: len(polled.assigned) < log.partitions)
        lost = set(range(log.partitions)).difference(told.assigned)
        # The older one is still busy with what it was told to let go: it has not polled again.
        early = set((await asking).assigned)
        owned = await settled(log, [older, newer])
        await older.close()
        await newer.close()

        assert set() == early
        assert lost == set(owned[newer])

    async def test_the_partitions_of_a_member_that_leaves_go_to_the_others_anew(
        self, log: Log
    ) -> None:
        members = [await log.subscribe("inherited", TOPICS) for _ in range(2)]
        owned = await settled(log, members)
        leaver, stayer = members
        await leaver.close()
        polled = await polled_until(stayer, lambda polled: len(polled.assigned) == log.partitions)
        await stayer.close()

        for partition, generation in owned[leaver].items():
            assert polled.assigned[partition] > generation
        for partition, generation in owned[stayer].items():
            assert polled.assigned[partition] >= generation

    async def test_a_partition_that_comes_back_gives_nothing_before_it_is_told_from_where(
        self, log: Log
    ) -> None:
        older = await delivering(log, "returned", *TOPICS)
        newer = await log.subscribe("returned", TOPICS)
        owned = await settled(log, [older, newer])
        await newer.close()
        polled = await polled_until(older, lambda polled: len(polled.assigned) == log.partitions)
        await older.close()

        assert set(owned[newer]).isdisjoint(polled.positions)
        assert set(owned[older]) == set(polled.positions)

    async def test_positions_of_a_partition_can_be_committed_by_its_owner_only(
        self, log: Log
    ) -> None:
        members = [await log.subscribe("strict", TOPICS) for _ in range(2)]
        owned = await settled(log, members)
        foreign = next(iter(owned[members[1]]))
        with pytest.raises(LogError):
            await members[0].commit(foreign, {Topic.TASKS: Commit(1)})
        committed = await members[1].committed(foreign)
        for member in members:
            await member.close()

        assert {} == committed

    async def test_a_member_that_has_left_may_say_so_again_and_polls_no_more(
        self, log: Log
    ) -> None:
        member, _ = await joined(log, "gone", TOPICS)
        await member.close()
        await member.close()

        with pytest.raises(LogError):
            await member.poll(records_max=1, wait_seconds=0.0)

    async def test_a_partition_of_another_member_gives_nothing_whoever_asks(self, log: Log) -> None:
        ends = await ends_of(log, TOPICS)
        asker, owner = [await log.subscribe("curious", TOPICS) for _ in range(2)]
        owned = await settled(log, [asker, owner])
        for partition in range(log.partitions):
            asker.deliver(partition, ends[partition])
        await appended(log, *(a_record(str(p), partition=p) for p in range(log.partitions)))
        found = await arrived(asker, len(owned[asker]))
        polled = await asker.poll(records_max=10, wait_seconds=MOMENT_SECONDS)
        await asker.close()
        await owner.close()

        assert {str(partition) for partition in owned[asker]} == set(values(found))
        assert set(owned[asker]) == set(polled.positions)
        assert [] == list(polled.records)


async def _quiet(log: Log, group: str) -> Subscription:
    """Give a member that has been told all there is: its next poll would wait."""
    member = await delivering(log, group, *TOPICS)
    ends = await ends_of(log, TOPICS)
    await polled_until(member, lambda polled: polled.positions == ends)
    return member
