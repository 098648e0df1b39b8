"""``lrsched verify-resume`` as a process with a child: signals, limits, pipes, terminals, what is left."""

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
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANG = 60.0  # seconds
SOON = 20.0  # seconds in which a child must have ended
CSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FOLDER = Path("temporary")
# A shell that starts its jobs in the background lets them ignore Ctrl-C; users' shells do not.
PRELUDE = """\
import resource, runpy, signal, sys, tempfile
signal.signal(signal.SIGINT, signal.default_int_handler)
{first}
sys.argv[0] = "lrsched"
runpy.run_module("lrsched_cli", run_name="__main__", alter_sys=True)
"""
# The first process that imports this is the command; the second one resumes.
OWN = """\
import os
import time
from pathlib import Path

from lrsched_cli.core.config import Schedule
from lrsched_cli.core.stand_ins import small_model

first = Path("first.pid")
if not first.exists():
    first.write_text(str(os.getpid()))
RESUMING = first.read_text() != str(os.getpid())


class Falling:
    waits_at = None

    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0

    def step(self):
        self.count += 1
        if self.count == self.waits_at:
            Path("under_way").write_text(str(os.getpid()))
            time.sleep(600)
        for group in self.optimizer.param_groups:
            group["lr"] = 0.5 / (1 + self.count)

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


class Lagging(Falling):
    def load_state_dict(self, state):
        self.count = state["count"] - 1


def trained_by(kind, waits_at=None):
    # This optimizer, unlike one of torch's own, does not import the compiler: that takes seconds.
    small = small_model(Schedule.model_validate({"name": "s", "optimizer": {"type": "SGD"}}))
    scheduler = kind(small.optimizer)
    scheduler.waits_at = waits_at
    return small.model, small.optimizer, scheduler


def right():
    return trained_by(Falling)


def lagging():
    return trained_by(Lagging)


def waiting():
    return trained_by(Falling, waits_at=5)


def waiting_when_resumed():
    return trained_by(Falling, waits_at=9 if RESUMING else None)
"""


@pytest.fixture(autouse=True)
def own_code(in_an_empty_folder: Path) -> None:
    (in_an_empty_folder / "own.py").write_text(OWN)
    FOLDER.mkdir()


def command(factory: str, *options: str, first: str = "") -> list[str]:
    """The command over a factory, after a first line of Python that sets limits."""
    subject = ["--factory", f"own:{factory}", "--trust"] if factory else []
    asked = ["--steps", "12", "--save-at", "7,8"]
    return [sys.executable, "-c", PRELUDE.format(first=first), "verify-resume", *subject, *asked, *options]


def environment() -> dict[str, str]:
    unset = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    return {**kept, "TMPDIR": str(FOLDER.absolute()), "PYTHONDONTWRITEBYTECODE": "1"}


class Under:
    """A command under way, in a session of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
            start_new_session=True,
        )

    def others(self) -> list[int]:
        """The processes that it has started and that still run."""
        return [one for one in session(self.process.pid) if one != self.process.pid]

    def wait_until(self, there: Callable[[], object]) -> None:
        give_up = time.monotonic() + HANG
        while not there():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=HANG)
        return self.process.returncode, out, err


def session(number: int) -> list[int]:
    """The processes of a session, those left out that are only waiting to be asked how they ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, belongs_to = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(belongs_to) == number and state != "Z":
            found.append(int(path.parent.name))
    return found


def ended(number: int) -> bool:
    """Whether all of a session end within some seconds."""
    give_up = time.monotonic() + SOON
    while session(number) and time.monotonic() < give_up:
        time.sleep(0.05)
    return session(number) == []


@pytest.fixture
def started() -> Iterator[list[Under]]:
    """Commands that are ended after the test, whatever has become of them."""
    every: list[Under] = []
    yield every
    for one in every:
        for number in session(one.process.pid):
            os.kill(number, signal.SIGKILL)
        one.process.wait(HANG)
        for stream in (one.process.stdout, one.process.stderr):
            if stream is not None:
                stream.close()


def under_way(started: list[Under], factory: str, *options: str) -> Under:
    """A command whose scheduler has come to the step at which it waits."""
    started.append(Under(*command(factory, *options)))
    started[-1].wait_until(Path("under_way").exists)
    return started[-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
@pytest.mark.parametrize("factory", ["waiting", "waiting_when_resumed"])
def test_a_signal_ends_both_processes_and_leaves_nothing(
    started: list[Under], factory: str, number: signal.Signals, code: int
) -> None:
    one = under_way(started, factory, "--plot")
    assert one.others()
    assert list(FOLDER.iterdir())
    one.process.send_signal(number)
    assert one.end()[:2] == (code, "")
    assert ended(one.process.pid)
    assert list(FOLDER.iterdir()) == []
    assert not Path("outputs").exists()


def test_a_signal_is_no_traceback(started: list[Under]) -> None:
    one = under_way(started, "waiting_when_resumed")
    os.killpg(one.process.pid, signal.SIGINT)  # as a terminal does: both get it
    code, out, err = one.end()
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2


def test_a_child_whose_parent_was_killed_ends_by_itself(started: list[Under]) -> None:
    one = under_way(started, "waiting_when_resumed")
    one.process.kill()
    one.process.wait(HANG)
    assert ended(one.process.pid)


def test_a_child_that_is_killed_is_told_in_a_line(started: list[Under]) -> None:
    one = under_way(started, "waiting_when_resumed")
    (child,) = one.others()
    assert child == int(Path("under_way").read_text())
    os.kill(child, signal.SIGKILL)
    assert one.end() == (
        2,
        "",
        "lrsched: the process of the resumed runs was killed by SIGKILL; it had finished 0 of them\n",
    )
    assert list(FOLDER.iterdir()) == []


def test_a_child_that_hangs_is_given_up(started: list[Under]) -> None:
    one = under_way(started, "waiting_when_resumed", "--time-limit", "10")  # far above its start
    os.kill(int(Path("under_way").read_text()), signal.SIGSTOP)  # it cannot even see that its parent ends
    code, out, err = one.end()
    assert (code, out) == (2, "")
    assert err == (
        "lrsched: the process of the resumed runs has been silent for 10 s "
        "(--time-limit gives it longer); it had finished 0 of them\n"
    )
    assert ended(one.process.pid)
    assert list(FOLDER.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (
            "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
            "no temporary folder can be made: No usable temporary directory found in ",
        ),
        ("resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))", "cannot be used: File too large"),
        (
            "tempfile.tempdir = '/nowhere/at/all'",
            "no temporary folder can be made: No such file or directory",
        ),
        ("tempfile.tempdir = '/dev/null'", "no temporary folder can be made: Not a directory"),
    ],
    ids=["no file may be written", "no large file may be written", "no such folder", "no folder"],
)
def test_a_temporary_folder_that_cannot_be_used_is_told_in_a_line(
    started: list[Under], first: str, words: str
) -> None:
    started.append(Under(*command("", first=first)))
    code, out, err = started[-1].end()
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("lrsched: ")
    assert words in line
    assert ended(started[-1].process.pid)
    assert list(FOLDER.iterdir()) == []


def test_a_disk_that_is_full_for_the_child_is_told_as_such(started: list[Under]) -> None:
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
    started.append(Under(*command("lagging", "--steps", "30", "--save-at", "all", first=limit)))
    code, out, err = started[-1].end()
    assert (code, out) == (2, "")
    assert "File too large" in err


def only_the_first_line(factory: str, *options: str) -> tuple[int, str, str]:
    """A command whose reader has seen enough before it has begun."""
    process = subprocess.Popen(
        command(factory, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    return process.wait(HANG), err, "" if not list(FOLDER.iterdir()) else "something is left"


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    assert only_the_first_line("right") == (0, "", "")


def test_the_exit_code_is_the_verdict_even_where_nobody_reads_the_report() -> None:
    assert only_the_first_line("lagging", "--json")[0] == 1


class OnTerminal(NamedTuple):
    code: int
    lines: list[str]
    err: str


@pytest.fixture(scope="module")
def on_a_terminal(tmp_path_factory: pytest.TempPathFactory) -> OnTerminal:
    """A broken scheduler with a matrix of recipes, on a terminal of 80 columns."""
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "own.py").write_text(OWN)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        command("lagging", "--save-at", "boundaries", "--recipe", "all"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**environment(), "TERM": "xterm-256color", "TMPDIR": str(folder)},
        cwd=folder,
        text=True,
    )
    os.close(theirs)
    content = b""
    try:
        while piece := os.read(ours, 65536):
            content += piece
    except OSError:  # how a terminal says that nobody is left at its other end
        pass
    os.close(ours)
    _, err = process.communicate(timeout=HANG)
    return OnTerminal(process.returncode, CSI.sub("", content.decode()).splitlines(), err)


def test_a_terminal_of_80_columns_gets_the_whole_report(on_a_terminal: OnTerminal) -> None:
    assert (on_a_terminal.code, on_a_terminal.err) == (1, "")
    lines = on_a_terminal.lines
    tables = [line for line in lines if not line.startswith(("exact: ", "1st only: "))]
    assert max(map(len, tables)) <= 80
    words = " ".join(" ".join(lines).split())
    for said in (
        "own:lagging: Lagging over SGD",
        "saved after where fault",
        "largest |ΔLR| 0.",
        "Ways to restore, by save point",
        "loaded-twice",
        "leaves something out.",
    ):
        assert said in words


def test_no_line_is_broken_by_the_terminal_itself(on_a_terminal: OnTerminal) -> None:
    assert [line for line in on_a_terminal.lines if len(line) > 80] == []


OUTLIVES = """
import signal, sys

signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.argv = ["lrsched", "--version"]
from lrsched_cli.cli.app import main

try:
    main()
finally:
    print(signal.getsignal(signal.SIGHUP).name)
"""


def test_a_command_that_is_to_outlive_its_terminal_does() -> None:
    done = subprocess.run([sys.executable, "-c", OUTLIVES], capture_output=True, text=True, check=True)
    assert "SIG_IGN" in done.stdout
