"""What the benchmark of other schedulers says of stamps that are given; no peer is needed."""

from bench.judging import compare
from bench.peers.paired import Beside, rows
from bench.systems import Stamp

DUE = 1_800_000_000.0


def test_what_was_promised_and_never_stamped_is_missing() -> None:
    judged = compare({"0", "1"}, [started("0")])

    assert (2, 1, 0, 0) == (judged.promised, judged.missing, judged.doubled, judged.early)


def test_what_was_stamped_twice_is_doubled_once() -> None:
    judged = compare({"0"}, [started("0"), started("0", late=0.5), started("0", late=0.7)])

    assert (0, 1) == (judged.missing, judged.doubled)


def test_what_was_stamped_before_its_time_is_early() -> None:
    assert 1 == compare({"0"}, [started("0", late=-0.001)]).early


def test_what_nobody_promised_is_not_counted() -> None:
    judged = compare({"0"}, [started("0"), started("a stranger", late=9.0)])

    assert [0.0] == list(judged.lateness)


def test_the_table_lays_each_scheduler_beside_duetime_in_its_own_round() -> None:
    rounds = [
        [beside("Duetime", late=0.010), beside("Other", late=0.025)],
        [beside("Duetime", late=0.020), beside("Other", late=0.030)],
    ]

    told = table(rows(rounds, what="the work", told=["Other 1.0"]))

    assert ["1: Duetime", "1: Other", "2: Duetime", "2: Other"] == [row[0] for row in told]
    assert ["1", "2.5", "1", "1.5"] == [row[5] for row in told]


def test_the_table_counts_processor_time_per_thousand_starts() -> None:
    told = table(rows([[beside("Duetime", late=0.010)]], what="the work", told=[]))

    assert "1.500 (worker 1.000, redis 0.500)" == told[0][-1]


def test_a_scheduler_that_started_nothing_still_has_its_row() -> None:
    nothing = Beside("Other", compare({"0"}, []), {"worker": 1.0}, load=1.0)

    told = table(rows([[beside("Duetime", late=0.010), nothing]], what="the work", told=[]))

    assert ("nan ms", "1") == (told[1][1], told[1][6])


def started(name: str, *, late: float = 0.0) -> Stamp:
    return Stamp(name, DUE, DUE + late)


def beside(name: str, *, late: float) -> Beside:
    """Two thousand starts, all as late, for three seconds of processor time."""
    names = [str(number) for number in range(2_000)]
    judged = compare(set(names), [started(name, late=late) for name in names])
    return Beside(name, judged, {"worker": 2.0, "redis": 1.0}, load=1.0)


def table(lines: list[str]) -> list[list[str]]:
    """Give the cells of the rows below the head."""
    shown = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in shown[2:]]
