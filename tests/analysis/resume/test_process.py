"""The fresh process of the resumed runs: whatever becomes of it, a clear error, and nothing is left."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from lrsched_cli import OutputError, load_schedule
from lrsched_cli.analysis.resume import process as process_module
from lrsched_cli.analysis.resume.job import alive_line, read_result, result_line, updates_of
from lrsched_cli.analysis.resume.results import (
    KINDS,
    Difference,
    KindResult,
    LargestLR,
    SavePointResult,
    SkippedRecipe,
)
from lrsched_cli.analysis.resume.verify import verify_resume
from lrsched_cli.errors import LrschedError, ResumeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.core.config import Schedule

HANG = 60.0  # seconds
SOON = 5.0  # seconds in which a process must have been heard of

# Factories for both processes. In the child, the second resumed run does what its name says.
FAULTY = """\
import os, resource, signal, sys, time
from pathlib import Path

from lrsched_cli.core.config import Schedule
from lrsched_cli.core.stand_ins import small_model

IN_THE_CHILD = os.getpid() != int(os.environ["PID_OF_THE_TEST"])
HERE = Path(__file__).parent
if IN_THE_CHILD:
    (HERE / "child.pid").write_text(str(os.getpid()))


class Falling:
    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0

    def step(self):
        self.count += 1
        self.optimizer.param_groups[0]["lr"] = 0.1 / (1 + self.count)

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


def make():
    # This optimizer, unlike one of torch's own, does not import the compiler: that takes seconds.
    small = small_model(Schedule.model_validate({"name": "s", "optimizer": {"type": "SGD"}}))
    return small.model, small.optimizer, Falling(small.optimizer)


calls = []

def at_the_second(act):
    def factory():
        calls.append(1)
        if IN_THE_CHILD and len(calls) == 2:
            act()
        return make()

    return factory


def write(text):
    (results,) = Path(os.environ["TMPDIR"]).glob("lrsched-resume-*/results.jsonl")
    with results.open("ab") as file:
        file.write(text)


def say_much():
    print("x" * 100_000)
    print("y" * 100_000, file=sys.stderr)
    sys.stdout.flush()
    os.write(1, b"\\xff\\xfe" * 1000)


def out_of_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def hang():
    (HERE / "hangs").touch()
    time.sleep(600)


def interrupted():
    raise KeyboardInterrupt


killed = at_the_second(lambda: os.kill(os.getpid(), signal.SIGKILL))
unknown_signal = at_the_second(lambda: os.kill(os.getpid(), signal.SIGRTMIN + 5))
exits = at_the_second(lambda: sys.exit(7))
gets_ctrl_c = at_the_second(lambda: os.kill(os.getpid(), signal.SIGINT))
ends = at_the_second(lambda: os._exit(7))
ends_well = at_the_second(lambda: os._exit(0))
hangs = at_the_second(hang)
interrupts = at_the_second(interrupted)
writes_garbage = at_the_second(lambda: write(b"hello\\n"))
says_much = at_the_second(say_much)
has_no_room = at_the_second(out_of_room)


def told_where():
    with (HERE / "pids").open("a") as file:
        file.write(f"{os.getpid()} {os.getppid()}\\n")
    return make()


def killed_in_the_second_process():
    if IN_THE_CHILD and os.getppid() != int(os.environ["PID_OF_THE_TEST"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return make()


def step_slowly(scheduler, update):
    if IN_THE_CHILD:
        time.sleep(0.1)
    scheduler.step()
"""


def alive(pid: int) -> bool:
    """Whether a process is there; one that has ended and is not yet buried is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def wait_until(there: Any, seconds: float = HANG) -> None:
    give_up = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture(autouse=True)
def nothing_is_left(temporary: Path, tmp_path: Path) -> Iterator[None]:
    """After each test, no temporary file and no process is there."""
    yield
    assert [path for path in temporary.iterdir() if path.name.startswith("lrsched")] == []
    for pid in tmp_path.glob("*.pid"):
        assert not alive(int(pid.read_text()))


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The name of a module with faulty factories, in the current folder."""
    name = "faulty_factories"
    Path(f"{name}.py").write_text(FAULTY)
    monkeypatch.setenv("PID_OF_THE_TEST", str(os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def checked(factory: str, *, time_limit: float = HANG, **further: Any) -> ResumeReport:
    return verify_resume(factory, save_at=(1, 3, 5), steps=8, time_limit=time_limit, **further)


def test_a_factory_by_name_is_resumed_in_a_process_of_its_own(faulty: str) -> None:
    report = checked(f"{faulty}:make")
    assert report.fresh_process
    assert report.identical
    assert [one.save_at for one in report.results] == [1, 3, 5]
    assert int(Path("child.pid").read_text()) != os.getpid()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("killed", "was killed by SIGKILL; it had finished 1 of them"),
        ("ends", "ended with exit code 7; it had finished 1 of them"),
        ("interrupts", "was killed by SIGINT; it had finished 1 of them"),
        ("has_no_room", "ended with exit code 4"),
        ("writes_garbage", "wrote what is no result: 'hello'; it had finished 1 of them"),
        pytest.param("unknown_signal", "was killed by"),
        pytest.param("ends_well", "had finished 1"),
    ],
)
def test_a_process_that_fails_is_an_error_that_says_how(faulty: str, how: str, message: str) -> None:
    with pytest.raises(ResumeError) as caught:
        checked(f"{faulty}:{how}")
    assert "the process of the resumed runs" in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "\ufffd\x00",
        "5",
        "[]",
        "null",
        '"updates"',
        "{}",
        '{"recipe": "complete", "save_at": 3}',
        '{"kinds": 3}',
    ],
)
def test_a_line_that_is_no_result_is_told_from_one(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        _ = updates_of(line) or read_result(line)


def test_results_and_signs_of_life_come_through_as_they_were() -> None:
    for result in (
        SavePointResult("complete", 3, 5, tuple(KindResult(kind, 0) for kind in KINDS)),
        SavePointResult("replay", 3, 0, failure="restoring failed: ValueError: ü\nmore"),
        SkippedRecipe("last-epoch", "it takes none"),
        SavePointResult(
            "complete",
            3,
            5,
            (KindResult("param groups", 2, Difference("lr of a", 4, 0.1, None), "late", ("lr of b",)),),
            LargestLR(5e-324, 4, "a"),
        ),
    ):
        line = result_line(result)
        assert line.count("\n") == 1
        assert updates_of(line) is None
        assert read_result(line) == result
    assert updates_of(alive_line(12)) == 12


def test_updates_that_are_no_number_are_no_sign_of_life() -> None:
    assert updates_of('{"updates": "many"}') is None


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a single processor does it all")
class TestALongJob:
    """Two processes share it."""

    LONG: ClassVar[dict[str, Any]] = {"save_at": "every:50", "steps": 1000}

    def test_is_done_by_two_fresh_processes_and_told_in_order(self, faulty: str) -> None:
        report = verify_resume(f"{faulty}:told_where", recipes=["replay", "last-epoch"], **self.LONG)
        assert report.identical
        points = list(range(50, 1000, 50))
        for recipe in ("complete", "replay"):
            assert [one.save_at for one in report.of_recipe(recipe)] == points
        assert [one.recipe for one in report.results] == ["complete"] * 19 + ["replay"] * 19
        assert [one.recipe for one in report.skipped] == ["last-epoch"]
        pids = {tuple(map(int, line.split())) for line in Path("pids").read_text().splitlines()}
        ((first, _),) = ((pid, parent) for pid, parent in pids if parent == os.getpid())
        assert {parent for pid, parent in pids if pid not in {first, os.getpid()}} == {first}

    def test_fails_where_the_second_process_is_killed(self, faulty: str) -> None:
        with pytest.raises(ResumeError, match="was killed by SIGKILL"):
            verify_resume(f"{faulty}:killed_in_the_second_process", recipes="replay", **self.LONG)


def test_a_process_that_hangs_is_ended_at_the_time_limit(faulty: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ResumeError, match=r"has been silent for 2 s \(--time-limit gives it longer\)"):
        checked(f"{faulty}:hangs", time_limit=2)
    assert time.monotonic() - begun < HANG


def test_a_process_that_is_slow_and_at_work_is_not_taken_for_hanging(faulty: str) -> None:
    verify_resume(f"{faulty}:make", step=f"{faulty}:step_slowly", save_at=1, steps=121, time_limit=10)


def test_a_factory_that_exits_fails_its_own_run_alone(faulty: str) -> None:
    report = checked(f"{faulty}:exits")
    assert [one.failure for one in report.results] == [None, "restoring failed: SystemExit: 7", None]
    assert not report.identical


def test_ctrl_c_is_the_parents_to_answer(faulty: str) -> None:
    assert checked(f"{faulty}:gets_ctrl_c").identical


def test_a_process_that_says_much_is_let_talk(faulty: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert checked(f"{faulty}:says_much").identical
    assert capfd.readouterr() == ("", "")


def test_an_interpreter_that_ends_at_once_is_an_error(faulty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "_START", "raise SystemExit('no torch here')")
    with pytest.raises(ResumeError, match="ended with exit code 1: no torch here; it had finished 0 of them"):
        checked(f"{faulty}:make")


def test_an_interpreter_that_cannot_be_started_is_an_error(
    faulty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(LrschedError):
        checked(f"{faulty}:make")


def small_schedule(text: str = "", **given: Any) -> Schedule:
    Path("s.yaml").write_text(f"steps: 8\nscheduler: {{warmup_steps: 2, T_0: 3}}\n{text}")
    return load_schedule("s.yaml", **given)


class TestFullDisk:
    def full(self, *_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
    @pytest.mark.parametrize("method", ["write_bytes", "write_text", "open"])
    def test_a_full_disk_is_an_error(
        self, method: str, monkeypatch: pytest.MonkeyPatch, temporary: Path
    ) -> None:
        schedule = small_schedule()
        original = getattr(Path, method)

        def only_there(path: Path, *given: Any, **named: Any) -> Any:
            wanted = temporary in path.parents and path.name != "worker.log"
            return (self.full if wanted else original)(*([] if wanted else [path]), *given, **named)

        monkeypatch.setattr(Path, method, only_there)
        with pytest.raises(OutputError, match="cannot be used: No space left on device"):
            verify_resume(schedule, save_at=3)

    @pytest.mark.parametrize("method", ["touch", "open"])
    def test_a_disk_that_is_full_at_the_start_is_an_error(
        self, method: str, monkeypatch: pytest.MonkeyPatch, temporary: Path
    ) -> None:
        schedule = small_schedule()
        original = getattr(Path, method)

        def only_there(path: Path, *given: Any, **named: Any) -> Any:
            wanted = temporary in path.parents
            return (self.full if wanted else original)(*([] if wanted else [path]), *given, **named)

        monkeypatch.setattr(Path, method, only_there)
        with pytest.raises(OutputError):
            verify_resume(schedule, save_at=3)

    def test_a_file_that_may_not_grow_is_an_error(self, temporary: Path) -> None:
        small_schedule()
        done = subprocess.run(
            [sys.executable, "-c", LITTLE_ROOM], check=False, capture_output=True, text=True, timeout=HANG
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("OutputError: the temporary folder ")
        assert done.stderr.endswith("cannot be used: File too large\n")
        assert list(temporary.glob("lrsched*")) == []


LITTLE_ROOM = """\
import resource, sys
from lrsched_cli import LrschedError, load_schedule
from lrsched_cli.analysis.resume.verify import verify_resume

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    verify_resume(load_schedule("s.yaml"), steps=5_000, save_at=3)
except LrschedError as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(2)
"""


CHECK = """\
import os, signal, sys
from pathlib import Path

signal.signal(signal.SIGINT, signal.default_int_handler)
from lrsched_cli.analysis.resume.verify import verify_resume

Path("parent.pid").write_text(str(os.getpid()))
try:
    verify_resume("faulty_factories:hangs", save_at=(1, 3, 5), steps=8)
except KeyboardInterrupt:
    sys.exit(130)
"""


class TestSignals:
    def under_way(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", CHECK],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

        def hangs() -> bool:
            assert process.poll() is None, process.communicate()
            return Path("hangs").exists()

        wait_until(hangs)
        return process

    @pytest.mark.parametrize("whom", ["the parent", "both, as a terminal does"])
    def test_ctrl_c_ends_both_and_leaves_nothing(self, whom: str, faulty: str, temporary: Path) -> None:
        del faulty
        process = self.under_way()
        child = int(Path("child.pid").read_text())
        assert alive(child)
        if whom == "the parent":
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
        assert (process.returncode, out, err) == (130, "", "")
        assert not alive(child)
        assert list(temporary.glob("lrsched*")) == []

    def test_a_child_whose_parent_is_killed_ends_by_itself(self, faulty: str, temporary: Path) -> None:
        del faulty
        process = self.under_way()
        child = int(Path("child.pid").read_text())
        process.kill()
        process.communicate(timeout=HANG)
        wait_until(lambda: not alive(child), SOON)
        for left in temporary.glob("lrsched-resume-*"):  # nobody could take it away
            shutil.rmtree(left)

    def test_a_child_that_waits_for_its_job_ends_with_its_parent(self, temporary: Path) -> None:
        folder = temporary / "job"
        folder.mkdir()
        with process_module.ResumingProcess(folder) as waiting:
            pid = waiting._process.pid
            assert alive(pid)
        assert not alive(pid)


class TestOrigins:
    """A schedule is read once more in the other process, from wherever it came."""

    def test_overrides_are_laid_over_the_file_there_too(self) -> None:
        overrides = ["scheduler.T_0=4", "param_groups.head.lr=0.5"]
        schedule = small_schedule("param_groups: [{name: trunk}, {name: head}]\n", overrides=overrides)
        report = verify_resume(schedule)
        assert report.fresh_process
        assert report.identical
        assert 6 in {point.step for point in report.save_points}

    def test_standard_input_is_read_once_and_given_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        content = "steps: 8\nscheduler: {T_0: 3}\n# ü\n".encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        report = verify_resume(load_schedule("-"), save_at=3)
        assert report.fresh_process
        assert report.identical

    def test_functions_of_the_users_are_imported_there_too(self) -> None:
        Path("factors_of_mine.py").write_text("def factor(step):\n    return 1 / step\n")
        text = "scheduler: {custom_lambda: {import: 'factors_of_mine:factor'}}\n"
        Path("s.yaml").write_text(f"steps: 8\n{text}")
        report = verify_resume(load_schedule("s.yaml", trust=True), save_at=3)
        assert report.fresh_process
        assert report.identical

    def test_a_file_that_was_changed_meanwhile_is_an_error(self) -> None:
        schedule = small_schedule()
        small_schedule("name: other\n")
        with pytest.raises(ResumeError, match=r"s\.yaml was changed while it was checked; check it again"):
            verify_resume(schedule, save_at=3)

    def test_a_file_that_is_gone_is_an_error(self) -> None:
        schedule = small_schedule()
        Path("s.yaml").unlink()
        with pytest.raises(ResumeError, match=r"s\.yaml: there is no such file|s\.yaml"):
            verify_resume(schedule, save_at=3)
