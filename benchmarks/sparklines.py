"""The LR of every shipped schedule in a few numbers. ``python benchmarks/sparklines.py [--write]``.

Steps the real schedulers and prints how high each LR stands over the run, as ``lrsched presets`` lists it;
``--write`` puts the numbers into schedules/sparklines.json.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.analysis.sparkline import sparkline_of
from lrsched_cli.core.shipped import shipped_names, sparklines_path
from lrsched_cli.report.sparkline_text import sparkline_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


def sparklines() -> dict[str, tuple[float, ...]]:
    """What the file should hold: the numbers of every shipped schedule's first param group, by name."""
    return {name: sparkline_of(lrs_of(name)) for name in shipped_names()}


def lrs_of(name: str) -> NDArray[np.float64]:
    """The LR of every update of a shipped schedule, in its first param group."""
    trace = dry_run(load_schedule(name))
    return trace.lr[
        trace.updates, 0
    ].copy()  # alone: the whole trace of a long run takes ten times the memory


def as_text(made: Mapping[str, tuple[float, ...]]) -> str:
    """The file: one line for each schedule, so that a change of one shows as one."""
    lines = [f'"{name}": {json.dumps(numbers)}' for name, numbers in made.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Make the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="put the numbers into schedules/sparklines.json")
    write = parser.parse_args().write
    made = sparklines()
    for name, numbers in made.items():
        print(f"{name:20} {sparkline_text(numbers)}")
    if write:
        sparklines_path().write_text(as_text(made), encoding="utf-8")


if __name__ == "__main__":
    main()
