"""A row of numbers as a row of letters."""

from __future__ import annotations

import pytest

from lrsched_cli.report.sparkline_text import sparkline_text

EIGHTHS = [eighth / 8 for eighth in range(9)]


@pytest.mark.parametrize(
    ("encoding", "letters"),
    [
        ("utf-8", "▁▂▃▄▅▆▇██"),
        ("ascii", "_.-:=+*##"),
        ("latin-1", "_.-:=+*##"),
        ("no-such-encoding", "_.-:=+*##"),
    ],
)
def test_eight_heights_in_letters_that_the_stream_has(encoding: str, letters: str) -> None:
    assert sparkline_text(EIGHTHS, encoding) == letters


def test_a_letter_changes_where_its_eighth_ends() -> None:
    assert sparkline_text([0.1249, 0.125, 0.8749, 0.875]) == "▁▂▇█"


def test_no_numbers_make_no_letters() -> None:
    assert sparkline_text([]) == ""
