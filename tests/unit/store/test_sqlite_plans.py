"""Every list of the SQLite read models starts at its cursor, led there by an index."""

import apsw
import pytest

from duetime.store.sqlite import reads, schema, writes

STATEMENTS = {
    "waiting tasks": (reads._WAITING_PAGE, "tasks_by_place (section=? AND (placed_at,id)>(?,?))"),
    "resting tasks": (reads._RESTING_PAGE, "tasks_by_place (section=? AND (placed_at,id)<(?,?))"),
    "runs": (reads._RUNS_PAGE, "runs_by_end ((finished_at,id)<(?,?))"),
    "runs of a task": (
        reads._RUNS_OF_TASK_PAGE,
        "runs_of_task (task_id=? AND (finished_at,id)<(?,?))",
    ),
    "ended runs": (writes._PRUNE_RUNS, "runs_by_end (finished_at<?)"),
    "ended tasks": (writes._PRUNE_TASKS, "tasks_by_end (ended_at<?)"),
}


@pytest.mark.parametrize(("statement", "expected"), STATEMENTS.values(), ids=STATEMENTS.keys())
def test_a_list_is_read_from_its_index(statement: str, expected: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(schema._TABLES)
    values = [1] * statement.count("?")
    plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    connection.close()

    assert [] == [step for step in plan if step.startswith("SCAN ") and "subquery" not in step]
    assert any(step.endswith(expected) for step in plan)
