"""Signals, full disks and crowds: an output is the old file or the new one, and nothing is left lying."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrsched_cli.cli import temporary
from lrsched_cli.cli.outputs import write_all

COMMAND = [sys.executable, "-m", "lrsched_cli"]
HANG = 60.0  # seconds
OUTPUTS = Path("outputs")
OLD = b"old"
LONG = ["trace", "long.yaml", "--steps", "200000"]
# A shell that starts its jobs in the background lets them ignore Ctrl-C, and nohup the end of the terminal.
LISTENING = """\
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
runpy.run_module("lrsched_cli", run_name="__main__", alter_sys=True)
"""


def there() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in OUTPUTS.iterdir()}


def left_overs() -> list[str]:
    return [path.name for path in OUTPUTS.iterdir() if path.name.startswith(".lrsched-")]


def interrupted_while_writing(*numbers: signal.Signals) -> int:
    """Send signals to a run that is in the middle of its output; its exit code."""
    Path("long.yaml").write_text("scheduler: {T_0: 10}\n")
    OUTPUTS.mkdir(exist_ok=True)
    (OUTPUTS / "long.csv").write_bytes(OLD)
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *LONG],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + HANG
    while not any((OUTPUTS / name).stat().st_size for name in left_overs()):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.01)
    for number in numbers:
        process.send_signal(number)
    _, err = process.communicate(timeout=HANG)
    assert "Traceback" not in err
    return process.returncode


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ((signal.SIGINT,), 130),
        ((signal.SIGTERM,), 143),
        ((signal.SIGHUP,), 129),
        ((signal.SIGTERM, signal.SIGHUP, signal.SIGTERM), None),
    ],
)
def test_a_signal_in_the_middle_of_writing_leaves_the_old_file_alone(
    numbers: tuple[signal.Signals, ...], code: int | None
) -> None:
    assert interrupted_while_writing(*numbers) in ({code} if code else {129, 143})
    assert there() == {"long.csv": OLD}


def test_what_a_killed_process_leaves_is_cleared_away_the_next_time() -> None:
    assert interrupted_while_writing(signal.SIGKILL) == -signal.SIGKILL
    assert (OUTPUTS / "long.csv").read_bytes() == OLD
    assert len(left_overs()) == 1
    (OUTPUTS / ".lrsched-notes.tmp").write_bytes(b"the user's own")
    (OUTPUTS / ".lrsched-0123456789abcdef.tmp").symlink_to("long.csv")
    subprocess.run([*COMMAND, "trace", "default", "--steps", "9"], check=True, stdout=subprocess.DEVNULL)
    assert sorted(there()) == [
        ".lrsched-0123456789abcdef.tmp",
        ".lrsched-notes.tmp",
        "default.csv",
        "long.csv",
    ]
    assert (OUTPUTS / "long.csv").read_bytes() == OLD


def test_the_file_of_a_process_that_is_still_writing_is_not_cleared_away() -> None:
    path = temporary.new_name(Path("a.csv"))
    with path.open("xb") as file:
        assert temporary.lock(file)
        temporary.clear_left_overs(Path())
        assert path.exists()
    temporary.clear_left_overs(Path())
    assert not path.exists()


def test_who_has_lost_a_file_before_locking_it_makes_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = temporary.lock
    lost: list[Path] = []

    def cleared_just_before(file: object) -> bool:
        if not lost:
            lost.extend(Path().glob(".lrsched-*"))
            lost[0].unlink()
        return locked(file)  # type: ignore[arg-type]

    monkeypatch.setattr("lrsched_cli.cli.outputs.lock", cleared_just_before)
    write_all({Path("a.csv"): b"whole"})
    assert {path.name for path in Path().iterdir()} == {"a.csv"}
    assert Path("a.csv").read_bytes() == b"whole"


WRITER = """\
import sys
from pathlib import Path
from lrsched_cli.cli.outputs import write_all

letter, size = sys.argv[1], int(sys.argv[2])
for _ in range(150):
    write_all({Path("outputs/a.csv"): (letter * 4096 for _ in range(size)), Path("outputs/b.csv"): b"b"})
"""


def test_of_two_runs_into_the_same_file_one_wins_whole() -> None:
    contents = {b"x" * 4096 * 20, b"y" * 4096 * 50, b"z" * 4096 * 3}
    OUTPUTS.mkdir()
    (OUTPUTS / "a.csv").write_bytes(min(contents))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, letter, size], stderr=subprocess.PIPE)
        for letter, size in (("x", "20"), ("y", "50"), ("z", "3"))
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        content = (OUTPUTS / "a.csv").read_bytes()
        assert content in contents
        seen.add(content)
    assert [(writer.returncode, writer.communicate()[1]) for writer in writers] == [(0, b"")] * 3
    assert len(seen) > 1
    assert sorted(there()) == ["a.csv", "b.csv"]


LITTLE_ROOM = """\
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
runpy.run_module("lrsched_cli", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "arguments", [["trace", "default"], ["plot", "default"], ["compare", "default", "no-warmup"]]
)
def test_a_limit_to_the_size_of_files_leaves_everything_as_it_was(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_ROOM, *arguments],
        check=False, capture_output=True, text=True, timeout=HANG,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("lrsched: outputs/")
    assert done.stderr.endswith(": cannot be written: File too large\n")
    assert there() == {}


def in_a_mount(options: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where ``outputs`` is a file system of its own; what is in it then is listed last."""
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this system lets nobody mount anything")
    OUTPUTS.mkdir()
    script = (
        'mount -t tmpfs tmpfs outputs && printf old > outputs/default.csv && mount -o "remount,$0" outputs '
        '&& { "$@"; code=$?; ls -A outputs; cat outputs/default.csv; exit $code; }'
    )
    return subprocess.run(
        [unshare, "-rm", "sh", "-c", script, options, *COMMAND, *arguments],
        check=False, capture_output=True, text=True, timeout=HANG,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "options", "reason"),
    [
        ("trace", "size=16k", "No space left on device"),
        ("plot", "size=64k", "No space left on device"),
        ("trace", "nr_inodes=2", "No space left on device"),
        ("trace", "ro", "Read-only file system"),
    ],
)
def test_a_disk_that_takes_nothing_more_keeps_what_it_has(command: str, options: str, reason: str) -> None:
    done = in_a_mount(options, command, "default")
    assert done.returncode == 2
    assert done.stderr.startswith("lrsched: outputs/default.")
    assert done.stderr.endswith(f": cannot be written: {reason}\n")
    assert done.stdout == "default.csv\nold"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_told() -> None:
    OUTPUTS.mkdir(mode=0o500)
    done = subprocess.run([*COMMAND, "trace", "default"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2, "lrsched: outputs/default.csv: cannot be written: Permission denied\n",
    )  # fmt: skip


def test_a_full_standard_output_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "trace", "default", "--out", "-"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (
        2, "lrsched: standard output cannot be written: No space left on device\n",
    )  # fmt: skip


def test_the_longest_name_that_the_disk_takes_can_be_written() -> None:
    name = "n" * 251 + ".csv"
    write_all({Path(name): b"new"})
    assert Path(name).read_bytes() == b"new"
