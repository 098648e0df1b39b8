"""The command as a process of its own: streams, terminals, signals and what it imports."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import NamedTuple

import pytest

COMMAND = [sys.executable, "-m", "lrsched_cli"]
HANG = 60.0  # seconds
BOXES = "╭╮╰╯│┃"
CSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
COLOUR_CODES = {str(code) for code in (*range(30, 39), *range(40, 49), *range(90, 98), *range(100, 108))}
# A shell that starts its jobs in the background lets them ignore Ctrl-C; users' shells do not.
LISTENING_TO_CTRL_C = """\
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("lrsched_cli", run_name="__main__", alter_sys=True)
"""
# A factor that says when it is asked, so that a signal arrives in the middle of the run.
UNDER_WAY = """\
import time
from pathlib import Path

def factor(step):
    if step == 1000:
        Path("under_way").touch()
        time.sleep({seconds})
    return 1.0
"""


def ran(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        input=stdin,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANG,
    )


class OnTerminal(NamedTuple):
    code: int
    stdout: str
    stderr: str


def ran_on_a_terminal(*arguments: str, columns: int = 80, **environment: str) -> OnTerminal:
    """What a command writes to a terminal for stdout and to another one for stderr."""
    terminals = [pty.openpty() for _ in range(2)]
    for _, end in terminals:
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    unset = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminals[0][1],
        stderr=terminals[1][1],
        env={key: value for key, value in os.environ.items() if key not in unset}
        | {"TERM": "xterm-256color"}
        | environment,
    )
    for _, end in terminals:
        os.close(end)
    stdout, stderr = (read_all(ours) for ours, _ in terminals)
    return OnTerminal(process.wait(HANG), stdout, stderr)


def read_all(terminal: int) -> str:
    content = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # how a terminal says that nobody is left at its other end
            piece = b""
        if not piece:
            os.close(terminal)
            return content.decode().replace("\r\n", "\n")
        content += piece


def twenty_groups() -> list[str]:
    names = [f"encoder.layers.{number}.self_attention.query_key_value" for number in range(20)]
    groups = "".join(f"- {{name: {name}, lr: {number + 1}e-5}}\n" for number, name in enumerate(names))
    Path("twenty.yaml").write_text(f"param_groups:\n{groups}steps: 3\n")
    return names


@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_pipe_gets_no_colours_and_no_line_is_cut(command: str) -> None:
    names = twenty_groups()
    done = ran(command, "twenty.yaml", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout
    rows = [line for line in done.stdout.splitlines() if any(name in line.split() for name in names)]
    assert len({name for name in names for line in rows if name in line.split()}) == 20
    if command == "show":
        (header,) = [line for line in done.stdout.splitlines() if line.lstrip().startswith("step  ")]
        assert header.split() == ["step", "update", *names]
        assert len(header) > 1000


@pytest.mark.parametrize(
    "arguments", [["--help"], ["plot", "--help"], ["plot", "--dpi", "x", "default"]], ids=" ".join
)
def test_help_and_usage_errors_in_a_pipe_have_no_boxes(arguments: list[str]) -> None:
    done = ran(*arguments)
    assert not set(BOXES) & set(done.stdout + done.stderr)
    assert "\x1b" not in done.stdout + done.stderr


def test_a_narrow_terminal_is_honoured() -> None:
    done = ran_on_a_terminal("show", "default", columns=80)
    assert (done.code, done.stderr) == (0, "")
    lines = CSI.sub("", done.stdout).splitlines()
    assert len(lines) > 30
    assert [line for line in lines if len(line) > 80] == []


def colours(text: str) -> list[str]:
    """The colours that are switched on; bold and the like are none."""
    codes = [code for sequence in COLOUR.findall(text) for code in sequence.split(";")]
    return [code for code in codes if code in COLOUR_CODES]


def test_no_colour_is_honoured_on_a_terminal() -> None:
    mistake = ("plot", "default", "--dpi", "x")
    coloured, plain = ran_on_a_terminal(*mistake), ran_on_a_terminal(*mistake, NO_COLOR="1")
    assert colours(coloured.stderr)
    assert colours(plain.stderr) == []
    assert colours(ran_on_a_terminal("show", "default", NO_COLOR="1").stdout) == []


def test_every_group_is_whole_on_a_narrow_terminal() -> None:
    names = [f"g{number}" for number in range(20)]
    groups = "".join(f"- {{name: {name}}}\n" for name in names)
    Path("s.yaml").write_text(f"param_groups:\n{groups}steps: 3\n")
    done = ran_on_a_terminal("show", "s.yaml", columns=60)
    lines = CSI.sub("", done.stdout).splitlines()
    headers = [line.split() for line in lines if line.split()[:2] == ["step", "update"]]
    assert [name for header in headers for name in header[2:]] == names
    assert max(map(len, lines)) <= 60


def test_a_reader_that_has_seen_enough_ends_the_trace_quietly() -> None:
    process = subprocess.Popen(
        [*COMMAND, "trace", "default", "--steps", "20000", "--out", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()
    assert first.startswith(b"step,batch_size,")
    assert process.stderr.read() == b""
    assert process.wait(HANG) == 0
    process.stderr.close()


@pytest.mark.parametrize(
    ("number", "code", "seconds"),
    [(signal.SIGINT, 130, 0), (signal.SIGTERM, 143, 0), (signal.SIGTERM, 143, 30)],
    ids=["SIGINT", "SIGTERM", "SIGTERM inside the user's function"],
)
def test_a_signal_ends_a_long_run_and_leaves_nothing_behind(
    number: signal.Signals, code: int, seconds: int
) -> None:
    Path("outputs").mkdir()
    Path("outputs/s.csv").write_bytes(b"old")
    Path("slow_factor.py").write_text(UNDER_WAY.format(seconds=seconds))
    Path("s.yaml").write_text("scheduler: {custom_lambda: {import: 'slow_factor:factor'}}\n")
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING_TO_CTRL_C, "plot", "s.yaml", "--trust", "--steps", "5000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + HANG
    while not Path("under_way").exists():
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=HANG)
    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert {path.name: path.read_bytes() for path in Path("outputs").iterdir()} == {"s.csv": b"old"}


def test_a_long_run_shows_its_progress_on_stderr_alone() -> None:
    # The run grows until it takes long enough on whatever machine this is.
    for steps in (50_000, 400_000, 3_000_000):
        done = ran_on_a_terminal("trace", "default", "--steps", str(steps), "--every", str(steps))
        if done.stderr:
            break
    assert done.code == 0
    assert CSI.sub("", done.stdout) == "outputs/default.csv\n"
    assert "stepping default" in done.stderr
    assert "%" in done.stderr
    assert re.search(r"\d:\d\d:\d\d|-:--:--", done.stderr)


def test_a_short_run_shows_no_progress() -> None:
    Path("s.yaml").write_text("steps: 10\n")
    done = ran_on_a_terminal("trace", "s.yaml")
    assert (done.code, done.stdout, done.stderr) == (0, "outputs/s.csv\n", "")


IMPORTED = """\
import sys
from lrsched_cli.cli.app import main

sys.argv = ["lrsched", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print("ended with", end.code, file=sys.stderr)
print(" ".join(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, option], check=True, capture_output=True, text=True, timeout=HANG
    )
    ended, modules = done.stderr.splitlines()
    assert ended in {"ended with 0", "ended with None"}
    assert done.stdout
    heavy = {
        "torch",
        "matplotlib",
        "numpy",
        "yaml",
        "lrsched_cli.core.config",
        "pydantic._internal._generate_schema",
    }
    assert heavy & set(modules.split()) == set()


def test_a_bad_file_is_refused_without_importing_torch_or_matplotlib() -> None:
    Path("s.yaml").write_text("steps: 0\n")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, "plot", "s.yaml"],
        check=True,
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    _, ended, modules = done.stderr.splitlines()
    assert ended == "ended with 2"
    assert {"torch", "matplotlib", "numpy"} & set(modules.split()) == set()


def test_the_module_is_the_command() -> None:
    script = Path(sys.executable).with_name("lrsched")
    texts = [
        subprocess.run([*command, "--help"], check=True, capture_output=True, text=True, timeout=HANG).stdout
        for command in ([str(script)], COMMAND)
    ]
    assert texts[0] == texts[1]
    assert "Usage: lrsched " in texts[0]


def test_a_file_of_half_characters_is_no_crash() -> None:
    done = subprocess.run(
        [*COMMAND, "plot", b"\xff.yaml", "--set", b"name=\xff"],
        check=False,
        capture_output=True,
        timeout=HANG,
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
