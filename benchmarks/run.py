"""Speed against peers and floors: ``python benchmarks/run.py [--rounds N]``.

Each figure compares two things that are timed in turns, in one run on one machine: a round times both,
and which goes first alternates. Shown is the median over the rounds, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from lrsched_cli import LRScheduler
from lrsched_cli.core.expressions import Expression
from lrsched_cli.report.figure import Style

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = list[str | Path]
    Timed = Callable[[], float]  # does the work once and gives the seconds per piece of it

STEPS = 20_000
SCHEDULES = Path(__file__).resolve().parent.parent / "schedules"
WSD = "1.0 if step < 1000 else max(0.5, 1 - (step - 1000) * 1e-4)"

BARE_APP = """
import typer

app = typer.Typer()


@app.command()
def one(name: str) -> None:
    \"\"\"Do one thing.\"\"\"


@app.command()
def two(name: str, fast: bool = False) -> None:
    \"\"\"Do another thing.\"\"\"


app()
"""

EMPTY_FIGURE = f"""
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

figure = Figure(figsize=({Style().width}, {Style().height}), dpi={Style().dpi})
FigureCanvasAgg(figure).print_png("empty.png")
"""


class Measured(NamedTuple):
    """One line of the table: a value per round, or why there is none."""

    what: str
    values: list[float]
    goal: float
    unit: str = ""
    failure: str = ""

    def line(self) -> str:
        """The line, aligned with the others."""
        goal = f"<= {self.goal:.2f}{self.unit}"
        if self.failure:
            return f"{self.what:<58}  {self.failure}"
        middle = median(self.values)
        figure = f"{middle:.2f}{self.unit} ({min(self.values):.2f}..{max(self.values):.2f})"
        return f"{self.what:<58}  {figure:<24}  {goal:<11}  {'ok' if middle <= self.goal else 'over'}"


def in_turns(ours: Timed, theirs: Timed, rounds: int) -> list[tuple[float, float]]:
    """Time both once per round, after one round that does not count."""
    ours(), theirs()
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            other = theirs()
            pairs.append((ours(), other))
        else:
            pairs.append((ours(), theirs()))
    return pairs


def ratios(pairs: list[tuple[float, float]]) -> list[float]:
    """Ours over theirs, round by round."""
    return [ours / theirs for ours, theirs in pairs]


def stepping(step: Callable[[], None]) -> Timed:
    """Seconds per step, over many steps."""

    def timed() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        return (time.perf_counter() - start) / STEPS

    return timed


def process(command: Command, folder: Path) -> Timed:
    """Seconds that a whole process takes, from its start to its end."""

    def timed() -> float:
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        return time.perf_counter() - start

    return timed


def three_groups() -> torch.optim.Optimizer:
    """An optimizer with three groups."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1e-4, 1e-3, 1e-2)]
    return torch.optim.SGD(groups)


def against_torch(rounds: int) -> Measured:
    """A step against one of torch's scheduler with the same cycles."""
    ours = LRScheduler(three_groups(), T_0=200, T_mult=2)
    theirs = CosineAnnealingWarmRestarts(three_groups(), T_0=200, T_mult=2)
    theirs.optimizer.step()  # torch's schedulers warn where there was no update before their step
    pairs = in_turns(stepping(ours.step), stepping(theirs.step), rounds)
    return Measured("step(), 3 groups / torch's CosineAnnealingWarmRestarts", ratios(pairs), 0.6)


def custom_lambda(rounds: int) -> Measured:
    """What a formula adds to a step."""
    with_text = LRScheduler(three_groups(), custom_lambda=Expression(WSD))
    without = LRScheduler(three_groups())
    pairs = in_turns(stepping(with_text.step), stepping(without.step), rounds)
    extra = [(more - less) * 1e6 for more, less in pairs]
    return Measured("step() with a custom_lambda text - step() without", extra, 1.0, " µs")


def processes(
    what: str, arguments: list[str], floor: str, floor_arguments: list[str], rounds: int
) -> list[float]:
    """Ratios of ``lrsched`` with some arguments to a Python script, both in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="lrsched-benchmark-") as folder:
        script = Path(folder, f"{what}.py")
        script.write_text(floor, encoding="utf-8")
        ours = process([Path(sys.executable).with_name("lrsched"), *arguments], Path(folder))
        theirs = process([sys.executable, script, *floor_arguments], Path(folder))
        return ratios(in_turns(ours, theirs, rounds))


def help_text(rounds: int) -> Measured:
    """The help against that of a Typer app which imports nothing else."""
    what, goal = "lrsched --help / a bare Typer app's --help", 1.5
    try:
        return Measured(what, processes("bare", ["--help"], BARE_APP, ["--help"], rounds), goal)
    except (OSError, subprocess.CalledProcessError) as error:
        return Measured(what, [], goal, failure=reason(error))


def picture(rounds: int) -> Measured:
    """A picture against the imports it needs and an empty figure of its size."""
    what, goal = "lrsched plot default / import torch, save an empty figure", 1.25
    try:
        return Measured(what, processes("empty", ["plot", "default"], EMPTY_FIGURE, [], rounds), goal)
    except (OSError, subprocess.CalledProcessError) as error:
        return Measured(what, [], goal, failure=reason(error))


def check(rounds: int) -> Measured:
    """A check of all shipped schedules, as a whole process, against the imports that it cannot do without."""
    what, goal = "lrsched check schedules/ / import typer, pydantic, yaml", 5.0
    command: Command = [Path(sys.executable).with_name("lrsched"), "check", SCHEDULES]
    floor: Command = [sys.executable, "-c", "import typer, pydantic, yaml"]
    with tempfile.TemporaryDirectory(prefix="lrsched-benchmark-") as folder:
        try:
            pairs = in_turns(process(command, Path(folder)), process(floor, Path(folder)), rounds)
        except (OSError, subprocess.CalledProcessError) as error:
            return Measured(what, [], goal, failure=reason(error))
        return Measured(what, ratios(pairs), goal)


def one_resume(rounds: int) -> Measured:
    """A resume check of one save point against what it cannot do without, and a second."""
    what, goal = "verify-resume, 1 save point / (3 x import torch + 1 s)", 1.0
    command: Command = [Path(sys.executable).with_name("lrsched"), "verify-resume", "--save-at", "150"]
    with tempfile.TemporaryDirectory(prefix="lrsched-benchmark-") as folder:
        ours = process(command, Path(folder))
        theirs = process([sys.executable, "-c", "import torch"], Path(folder))
        pairs = in_turns(ours, theirs, rounds)
    return Measured(what, [seconds / (3 * floor + 1) for seconds, floor in pairs], goal)


def all_boundaries(rounds: int) -> Measured:
    """A resume check of all 18 boundaries of the shipped default against one of a single save point."""
    what, goal = "verify-resume, all boundaries / 1 save point", 2.0
    command: Command = [Path(sys.executable).with_name("lrsched"), "verify-resume", "--save-at"]
    with tempfile.TemporaryDirectory(prefix="lrsched-benchmark-") as folder:
        every = process([*command, "boundaries"], Path(folder))
        one = process([*command, "150"], Path(folder))
        return Measured(what, ratios(in_turns(every, one, rounds)), goal)


def reason(error: OSError | subprocess.CalledProcessError) -> str:
    """Why a process could not be timed, in one line."""
    if isinstance(error, OSError):
        return f"could not run: {error}"
    last = (error.stderr or "").strip().splitlines()[-1:]
    return f"failed with exit code {error.returncode}: {''.join(last)}"


def main() -> None:
    """Measure, and print a table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=11, help="rounds per figure (default: 11)")
    rounds = max(1, parser.parse_args().rounds)
    print(f"{'what':<58}  {'median (min..max)':<24}  {'goal':<11}")
    for measure in (
        against_torch,
        help_text,
        picture,
        check,
        custom_lambda,
        one_resume,
        all_boundaries,
    ):
        print(measure(rounds).line(), flush=True)


if __name__ == "__main__":
    main()
