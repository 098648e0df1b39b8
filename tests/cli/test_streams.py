"""Results on stdout, everything else on stderr."""

from __future__ import annotations

import json

import pytest
from rich.table import Table

from lrsched_cli.cli.streams import json_or, print_error, print_note, print_result, write_result
from lrsched_cli.errors import OutputError, Problem, ScheduleFileError


def test_a_result_goes_to_stdout_as_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("[bold]name", "x")
    table.add_row("a" * 200, "1")
    print_result("[red]text[/red]", table)
    out, err = capsys.readouterr()
    assert out.startswith("[red]text[/red]\n")
    assert "a" * 200 in out
    assert (out.endswith("\n"), "\x1b" in out, err) == (True, False, "")


def test_a_result_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    write_result(iter(["a,b\n", "1,2\n"]))
    assert capsys.readouterr() == ("a,b\n1,2\n", "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain größe", "plain größe\n"),
        ("a\x1b[31m\nb", "a\\x1b[31m\\nb\n"),
        ("\udcff\u202e", "\\udcff\\u202e\n"),
    ],
)
def test_a_note_is_one_visible_line_on_stderr(
    text: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_note(text)
    assert capsys.readouterr() == ("", line)


def test_problems_come_a_line_each_and_the_hint_last(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem("s.yaml", 1, 2, "steps", "is wrong"), Problem("s.yaml", 0, 0, "", "is gone")]
    print_error(ScheduleFileError(problems, hint="Do this."))
    assert capsys.readouterr() == ("", "s.yaml:1:2: steps: is wrong\ns.yaml: is gone\nDo this.\n")


def test_another_error_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(OutputError("x.csv: cannot be written"))
    assert capsys.readouterr() == ("", "lrsched: x.csv: cannot be written\n")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_result_is_one_document_or_text(*, as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    json_or(as_json=as_json, document={"größe": (1, float("nan"))}, parts=["text"])
    out = capsys.readouterr().out
    assert (json.loads(out) == {"größe": [1, None]}) if as_json else (out == "text\n")
