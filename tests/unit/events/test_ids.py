"""Ids that follow from what they name: the same for the same, another for anything else."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetime.events.ids import (
    instant,
    microseconds,
    run_id_for,
    run_id_for_request,
    task_id_for_key,
)
from tests.support.builders import NOON, A
from tests.support.strategies import instants, texts

Naming = Callable[[str, str], str]
NAMINGS = [task_id_for_key, run_id_for_request]


@pytest.mark.promise("P3")
@given(task_id=texts, nominal_at=instants)
def test_an_occurrence_has_one_run_id(task_id: str, nominal_at: datetime) -> None:
    elsewhere = nominal_at.astimezone(timezone(timedelta(hours=-9, minutes=-30)))

    assert run_id_for(task_id, nominal_at) == run_id_for(task_id, elsewhere)


@given(first=st.tuples(texts, instants), second=st.tuples(texts, instants))
def test_two_occurrences_have_two_run_ids(
    first: tuple[str, datetime], second: tuple[str, datetime]
) -> None:
    assert (first == second) == (run_id_for(*first) == run_id_for(*second))


def test_the_run_id_of_an_occurrence_never_changes() -> None:
    # Targets deduplicate by it, over releases: these very texts were once handed out.
    assert "32e9f18d-3023-872b-a501-4f64f9c7a019" == run_id_for(A, NOON)
    assert "fbc96436-cafe-8a72-8b7e-e591b9b4b667" == run_id_for_request(A, "e")
    assert "ddf760d7-1b3f-8c7f-ae40-e1d7b8699022" == task_id_for_key("home", "k")


@pytest.mark.parametrize("naming", NAMINGS)
@given(first=st.tuples(texts, texts), second=st.tuples(texts, texts))
def test_what_differs_in_any_part_has_another_id(
    naming: Naming, first: tuple[str, str], second: tuple[str, str]
) -> None:
    assert (first == second) == (naming(*first) == naming(*second))


@pytest.mark.parametrize("naming", NAMINGS)
def test_where_one_part_ends_and_the_next_begins_matters(naming: Naming) -> None:
    assert naming("ab", "c") != naming("a", "bc")


@given(tenant=texts, key=texts)
def test_a_derived_id_is_canonical_text_of_a_uuid_of_version_8(tenant: str, key: str) -> None:
    text = task_id_for_key(tenant, key)
    parsed = uuid.UUID(text)

    assert text == str(parsed)
    assert (8, uuid.RFC_4122) == (parsed.version, parsed.variant)


@given(at=st.datetimes(timezones=st.just(UTC)))
def test_microseconds_and_instants_are_each_others_inverse(at: datetime) -> None:
    assert at == instant(microseconds(at))
