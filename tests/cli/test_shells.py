"""Words completed in real shells, by a real TAB on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal on stdin the one that the shell has its jobs under."""

START, END = "\x01", "\x05"

SHELLS = {
    "bash": (["bash", "--noprofile", "--norc", "-i"], 'eval "$(_LRSCHED_COMPLETE=source_bash lrsched)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'bindkey -e; autoload -U compinit; compinit -D -u; eval "$(_LRSCHED_COMPLETE=source_zsh lrsched)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "_LRSCHED_COMPLETE=source_fish lrsched | source"),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture(autouse=True)
def some_files() -> None:
    Path("my runs").mkdir()
    Path("vision.yaml").write_text(
        "steps: 9\n"
        "param_groups: [{name: backbone, match: ['b*']}, {name: big head}]\n"
        "scheduler: {T_0: 77, warmup_type: cosine}\n"
    )
    Path("my runs/other one.yaml").write_text("scheduler: {type: StepLR, step_size: 5}\n")


def completed(shell: str, line: str) -> list[str]:
    """The words of ``line`` after it was typed into a shell, its TABs included."""
    commands = Path("bin")
    commands.mkdir()
    command = commands / "lrsched"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m lrsched_cli "$@"\n')
    command.chmod(0o755)
    start, setup = SHELLS[shell]
    path = os.pathsep.join([str(commands.resolve()), os.environ["PATH"]])
    more = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(Path.cwd()), "TERM": "xterm", "PS1": "> "}
    holder, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, *start],
        env=os.environ | more,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        tell(holder, f"{setup}; echo READ''Y\n", until="READY")
        shown = tell(holder, f"{line}{START}printf '<%s>\\n' {END}; echo DON''E\n", until="DONE")
    finally:
        process.kill()
        process.wait()
        os.close(holder)
    return re.findall(r"^<(.*)>$", lines_of(shown), re.MULTILINE)


def lines_of(shown: str) -> str:
    """What a terminal was sent, without the commands that colour it and move its cursor."""
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|\(B)", "", shown).replace("\r", "\n")


def tell(holder: int, keys: str, *, until: str) -> str:
    """Type ``keys`` and read what the terminal shows, until a line is the awaited word."""
    os.write(holder, keys.encode())
    shown, ends = "", time.monotonic() + PATIENCE
    while not re.search(rf"^{until}$", lines_of(shown), re.MULTILINE):
        ready, _, _ = select.select([holder], [], [], 1)
        assert time.monotonic() < ends, f"no answer but {shown!r}"
        if not ready:
            continue
        shown += os.read(holder, 10_000).decode(errors="replace")
    return shown


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lrsched sche\t", ["schema"]),
        ("lrsched plot visi\t", ["plot", "vision.yaml"]),
        ("lrsched plot rl-lo\t", ["plot", "rl-long-restarts"]),
        ("lrsched show my\\ runs/oth\t", ["show", "my runs/other one.yaml"]),
        ("lrsched init --preset llama-\t", ["init", "--preset", "llama-7b"]),
        (
            "lrsched plot vision.yaml --set scheduler.T_0\t5",
            ["plot", "vision.yaml", "--set", "scheduler.T_0=5"],
        ),
        ("lrsched plot vision.yaml --set sch\tT_0=\t", ["plot", "vision.yaml", "--set", "scheduler.T_0=77"]),
        (
            "lrsched show vision.yaml --set scheduler.warmup_type=l\t",
            ["show", "vision.yaml", "--set", "scheduler.warmup_type=linear"],
        ),
        (
            "lrsched show vision.yaml --set param_groups.ba\tamsg\tt\t",
            ["show", "vision.yaml", "--set", "param_groups.backbone.amsgrad=true"],
        ),
        (
            "lrsched show vision.yaml --set param_groups.bi\tweight_de\t1",
            ["show", "vision.yaml", "--set", "param_groups.big head.weight_decay=1"],
        ),
        (
            "lrsched show my\\ runs/other\\ one.yaml --set scheduler.st\t9",
            ["show", "my runs/other one.yaml", "--set", "scheduler.step_size=9"],
        ),
    ],
    ids=lambda one: one.replace("\t", "TAB") if isinstance(one, str) else "",
)
def test_a_tab_completes(shell: str, line: str, words: list[str]) -> None:
    assert completed(shell, line) == ["lrsched", *words]
