"""Cursors give back the place they stand for, to the list that gave them, and to no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetime.store.cursors import Place, read_cursor, write_cursor
from duetime.store.port import CursorError

MICROSECONDS = st.integers(min_value=-(2**62), max_value=2**62)
PLACES = st.builds(Place, st.integers(0, 1), MICROSECONDS, st.text(max_size=40))


@given(place=PLACES, of_list=st.text(max_size=100))
def test_a_cursor_leads_back_to_its_place(place: Place, of_list: str) -> None:
    assert place == read_cursor(of_list, write_cursor(of_list, place))


@given(place=PLACES)
def test_a_cursor_can_stand_in_an_url_as_it_is(place: Place) -> None:
    cursor = write_cursor("tasks", place)

    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(text=st.text() | st.text(alphabet="ABCDabcd0189-_=", max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        read_cursor("tasks", text)


@given(place=PLACES, position=st.integers(min_value=0), character=st.sampled_from("ABCxyz019-_="))
def test_a_changed_cursor_is_refused(place: Place, position: int, character: str) -> None:
    cursor = write_cursor("tasks", place)
    position %= len(cursor)
    changed = cursor[:position] + character + cursor[position + 1 :]
    if changed != cursor:
        with pytest.raises(CursorError):
            read_cursor("tasks", changed)
