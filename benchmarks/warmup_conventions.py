"""What the first updates of a warm-up get. ``python benchmarks/warmup_conventions.py [--write]``.

Every scheduler below warms up over 4 steps to an LR of 1, by the real class; ``--write`` puts the table into
docs/any-scheduler.md.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.analysis.first_updates import first_updates
from lrsched_cli.core.families.transformers import TransformersFamily
from lrsched_cli.core.numbers_text import lr_text
from lrsched_cli.report.first_updates_text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.first_updates import FirstUpdates

PAGE = Path(__file__).resolve().parent.parent / "docs" / "any-scheduler.md"
BEGIN = "<!-- made by: python benchmarks/warmup_conventions.py --write -->"
END = "<!-- end of what it made -->"

WARMUP, STEPS = 4, 40
_OWN = {
    "scheduler": {
        "warmup_steps": WARMUP,
        "T_0": STEPS,
        "warmup_scale_min": 0,
        "eta_scal_min": 0,
        "eta_scal_max": 1,
    }
}
_LINEAR = {"type": "LinearLR", "start_factor": 1e-6, "total_iters": WARMUP}
_COSINE = {"type": "CosineAnnealingLR", "T_max": STEPS - WARMUP}


def schedules() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each scheduler by its name in the table, as a schedule file."""
    yield "`LRScheduler`, loop `scheduler-first`", {**_OWN, "loop": "scheduler-first"}
    yield "`LRScheduler`, loop `optimizer-first`", _OWN
    yield "`LinearLR` from 1e-6", {"scheduler": _LINEAR}
    both = {"type": "SequentialLR", "schedulers": [_LINEAR, _COSINE], "milestones": [WARMUP]}
    yield "`SequentialLR`: that, then `CosineAnnealingLR`", {"scheduler": both}
    family = TransformersFamily()
    for kind in family.names():
        known = family.signature(kind, {}).arguments
        if "num_warmup_steps" in known:
            stated = {
                "num_warmup_steps": WARMUP,
                "num_training_steps": STEPS,
                "num_decay_steps": 10,
                "min_lr": 0.1,
            }
            yield (
                f"`{kind}`",
                {"scheduler": {"type": kind, **{key: one for key, one in stated.items() if key in known}}},
            )


def measured() -> dict[str, FirstUpdates]:
    """How each of them begins."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in schedules():
            path = Path(folder) / "one.yaml"
            stated = {"steps": STEPS, "optimizer": {"type": "SGD", "lr": 1.0}, **settings}
            path.write_text(yaml.safe_dump(stated), encoding="utf-8")
            (found[name],) = first_updates(dry_run(load_schedule(path)))
    return found


def table() -> str:
    """The table, one row for those that begin alike."""
    by_start: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for name, one in measured().items():
        by_start.setdefault((tuple(map(lr_text, one.lrs[: WARMUP + 1])), sentence(one)), []).append(name)
    updates = [f"u{update}" for update in range(1, WARMUP + 2)]
    head = ["scheduler", *updates, "in the words of `lrsched show`"]
    rows = [[", ".join(names), *lrs, said] for (lrs, said), names in by_start.items()]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    torch = version("torch").partition("+")[0]
    measured_with = f"Measured with torch {torch} and transformers {version('transformers')}."
    return "\n".join([measured_with, "", *lines, ""])


def main() -> None:
    """Print the table, or put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="put the table into docs/any-scheduler.md")
    write = parser.parse_args().write
    made = table()
    print(made)
    if write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
