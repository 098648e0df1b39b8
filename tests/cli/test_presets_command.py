"""``lrsched presets``: the list, the files, and what it does without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run
from test_processes import CSI, ran_on_a_terminal

from lrsched_cli.cli.completion import complete_shipped
from lrsched_cli.core.presets import presets
from lrsched_cli.core.shipped import shipped_names
from lrsched_cli.report.sparkline_text import sparkline_text

FOLDER = Path(__file__).parents[2] / "schedules"
BLOCKS = "▁▂▃▄▅▆▇█"


def test_the_list_has_a_whole_line_for_each_schedule() -> None:
    found = run("presets")
    assert (found.code, found.err) == (0, "")
    heading, rule, *rows = found.out.splitlines()
    assert heading.split("  ")[0] == "schedule"
    assert set(rule) == {"─"}
    assert [row.split(maxsplit=2) for row in rows] == [
        [one.name, sparkline_text(one.sparkline), one.description] for one in presets()
    ]


def test_the_list_as_json() -> None:
    document = json.loads(run("presets", "--json").out)
    assert document == {
        "presets": [
            {"name": one.name, "description": one.description, "sparkline": list(one.sparkline)}
            for one in presets()
        ]
    }


@pytest.mark.parametrize("name", shipped_names())
def test_a_file_is_printed_as_it_is(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert run("presets", name) == (0, text, "")
    assert json.loads(run("presets", name, "--json").out) == {"name": name, "file": text}


@pytest.mark.parametrize("arguments", [("lama-7b",), ("lama-7b", "--json")])
def test_a_name_that_is_none_is_told_of(arguments: tuple[str, ...]) -> None:
    found = run("presets", *arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err == "lrsched: no shipped schedule is called 'lama-7b'; did you mean llama-7b?\n"


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_on_a_terminal_no_line_is_wider_than_it_and_every_sparkline_is_whole(columns: int) -> None:
    found = ran_on_a_terminal("presets", columns=columns)
    lines = CSI.sub("", found.stdout).splitlines()
    assert (found.code, found.stderr) == (0, "")
    assert max(map(len, lines)) <= columns
    assert sum(sum(letter in BLOCKS for letter in line) == 24 for line in lines) == len(shipped_names())


def test_a_stream_without_blocks_gets_other_letters() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lrsched_cli", "presets"],
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    row = next(line for line in ended.stdout.splitlines() if line.startswith("default "))
    (default,) = (one for one in presets() if one.name == "default")
    assert row.split()[1] == sparkline_text(default.sparkline, "ascii")
    assert row.isascii()


@pytest.mark.parametrize("arguments", ["'presets'", "'presets', 'default'", "'presets', '--json'"])
def test_neither_torch_nor_matplotlib_is_imported(arguments: str) -> None:
    script = (
        f"import sys; sys.argv = ['lrsched', {arguments}]\n"
        "from lrsched_cli.cli.app import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("def", ["default"]), ("llama", ["llama-7b", "llama3-405b"]), ("qq", []), ("", list(shipped_names()))],
)
def test_names_complete_to_shipped_names_alone(typed: str, offered: list[str]) -> None:
    Path("default.yaml").touch()
    assert complete_shipped(typed) == offered
