"""What the shell completes."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

from lrsched_cli.cli.completion import complete_config
from lrsched_cli.core.shipped import shipped_names


@pytest.fixture(autouse=True)
def some_files() -> None:
    for folder in ("runs", "runs/old", "docs"):
        Path(folder).mkdir()
    for name in ("a.yaml", "a.yml", "a.txt", "runs/b.yaml", "runs/b.csv", "default.yaml", ".hidden.yaml"):
        Path(name).touch()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("a.", ["a.yaml", "a.yml"]),
        ("a.ya", ["a.yaml"]),
        ("run", ["runs/"]),
        ("runs/", ["runs/b.yaml", "runs/old/"]),
        ("runs/b", ["runs/b.yaml"]),
        ("defau", ["default.yaml", "default"]),
        ("nothing", []),
        ("nowhere/x", []),
        ("a.yaml/x", []),
    ],
)
def test_config_completes_to_schedule_files_folders_and_shipped_names(typed: str, offered: list[str]) -> None:
    assert complete_config(typed) == offered


def test_everything_here_is_offered_before_a_letter_is_typed() -> None:
    offered = complete_config("")
    assert {"a.yaml", "a.yml", "runs/", "docs/", *shipped_names()} <= set(offered)
    assert "a.txt" not in offered


def test_a_typed_path_is_completed_as_it_was_typed(tmp_path: Path) -> None:
    assert complete_config("./a.y") == ["./a.yaml", "./a.yml"]
    assert complete_config(f"{tmp_path}/runs/b") == [f"{tmp_path}/runs/b.yaml"]


@pytest.mark.parametrize(("words", "offered"), [("lrsched pl", "plot"), ("lrsched plot defau", "default")])
def test_the_shell_is_answered(words: str, offered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_LRSCHED_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    result = run()
    assert result.code == 0
    assert offered in result.out.split()


def test_no_summary_of_a_command_is_cut_off_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = run("--help").out.split("Commands:")[1]
    assert "verify-resume" in listed
    assert "..." not in listed
