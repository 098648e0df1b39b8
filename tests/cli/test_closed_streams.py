"""Standard streams that are closed, full or not made for every letter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -m lrsched_cli"
HANG = 60.0  # seconds


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],  # noqa: S607 - the shell that closes the streams
        check=False,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANG,
    )


@pytest.mark.parametrize("arguments", ["--help", "trace default --steps 300 --out -"])
def test_a_full_standard_output_is_told_of(arguments: str) -> None:
    ended = shell(f"{COMMAND} {arguments} > /dev/full")
    assert ended.returncode == 2
    assert ended.stderr == "lrsched: standard output cannot be written: No space left on device\n"


def test_a_closed_standard_output_is_no_error() -> None:
    ended = shell(f"{COMMAND} show default --steps 10 >&-")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_closed_standard_input_is_an_empty_file() -> None:
    ended = shell(f"{COMMAND} show - <&-")
    assert ended.returncode == 2
    assert ended.stderr.startswith("<stdin>:1:1: is empty")


def test_letters_that_the_stream_lacks_are_shown_as_their_codes() -> None:
    Path("s.yaml").write_text("steps: 5\nparam_groups: [{name: größe}]\n", encoding="utf-8")
    ended = shell(f"{COMMAND} show s.yaml", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "gr\\xf6\\xdfe" in ended.stdout


def test_what_a_function_of_the_users_prints_is_no_result() -> None:
    Path("talking.py").write_text(
        "print('imported')\ndef factor(step):\n    print('asked')\n    return 1.0\n", encoding="utf-8"
    )
    Path("s.yaml").write_text(
        'steps: 3\nscheduler: {custom_lambda: {import: "talking:factor"}}\n', encoding="utf-8"
    )
    ended = shell(f"{COMMAND} show s.yaml --trust --json")
    assert ended.stdout.startswith("{")
    assert ended.stderr.split() == ["imported", "asked", "asked", "asked"]
