"""Trains with exported scripts in a process of its own, and prints what every update runs at.

Started as ``python exported_runs.py JOBS.json``; with ``"plain"`` in the jobs' document this package
cannot be imported. It is no test module and imports nothing of the package.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import warnings
from pathlib import Path
from typing import Any

PACKAGE = "lrsched_cli"
SETTINGS = ("lr", "momentum", "betas", "weight_decay", "alpha")


class _Absent:
    """Finds no module of this package, as where it is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == PACKAGE:
            raise ModuleNotFoundError(f"No module named {name!r}")


def row(optimizer: Any) -> list[Any]:
    return [{key: group[key] for key in SETTINGS if key in group} for group in optimizer.param_groups]


def trained(job: dict[str, Any]) -> list[list[Any]]:
    """The settings of every group after 0, 1, 2, ... updates, in the loop order that the job states."""
    import torch  # noqa: PLC0415 - the package must be out of reach by then

    spec = importlib.util.spec_from_file_location(job["name"], job["script"])
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    model = torch.nn.Module()
    for name in ("first", "second"):
        model.register_parameter(name, torch.nn.Parameter(torch.zeros(2, 2)))
    optimizer = script.build_optimizer(model)
    scheduler = script.build_scheduler(optimizer)
    rows, first, every = [row(optimizer)], job["loop"] == "scheduler-first", job["steps_per_epoch"]
    for update in range(job["steps"]):
        arguments = job["arguments"][min(update // every, len(job["arguments"]) - 1)]
        if first and update % every == 0:
            scheduler.step(*arguments)
        with torch.no_grad(), contextlib.suppress(TypeError):  # LBFGS wants a closure
            optimizer.step()
        if not first and (update + 1) % every == 0:
            scheduler.step(*arguments)
        rows.append(row(optimizer))
    return rows


def main() -> None:
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if document["plain"]:
        sys.meta_path.insert(0, _Absent())
    warnings.simplefilter("ignore")
    found = {job["name"]: trained(job) for job in document["jobs"]}
    assert not document["plain"] or not any(one.partition(".")[0] == PACKAGE for one in sys.modules)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
