"""Rich renderables become plain text: nothing cut, nothing coloured, nothing interpreted."""

from __future__ import annotations

import pytest
from rich.table import Table
from rich.text import Text

from lrsched_cli.report.text import plain_text


def table(*cells: str) -> Table:
    made = Table(box=None)
    for cell in cells:
        made.add_column(Text(cell))
    made.add_row(*(Text(cell) for cell in cells))
    return made


def test_parts_stand_below_each_other() -> None:
    assert plain_text("one", "", Text("two"), table("three")).split("\n")[:3] == ["one", "", "two"]


def test_nothing_is_nothing() -> None:
    assert plain_text() == ""


def test_no_line_ends_in_blanks() -> None:
    text = plain_text("trailing   ", table("a", "much wider than its neighbour"))
    assert all(line == line.rstrip() for line in text.split("\n"))


def test_a_long_row_is_never_cut() -> None:
    cells = [f"{place:03}" + "x" * 60 for place in range(20)]
    head, row = plain_text(table(*cells)).split("\n")
    assert head.split() == row.split() == cells


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_the_environment_adds_no_colours(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("COLUMNS", "20")
    text = plain_text(Text("red and long enough to be cut", style="bold red"), table("1e-3", "x" * 40))
    assert "\x1b" not in text
    assert "red and long enough to be cut" in text
    assert "x" * 40 in text


@pytest.mark.parametrize("name", ["[bold]", "[/]", "[link=x]y[/link]", ":smile:", "\\[a]", "<&>", "naïve λ"])
def test_names_are_text_and_not_markup(name: str) -> None:
    assert plain_text(name) == name
    assert plain_text(Text(name)) == name
