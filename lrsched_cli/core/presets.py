"""The shipped schedules as they are listed: what each is for, and its LR over the run in a few numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrsched_cli.core.messages import did_you_mean
from lrsched_cli.core.shipped import shipped_names, shipped_path, sparklines_path
from lrsched_cli.core.yaml_source import read_yaml
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Preset:
    """A shipped schedule."""

    name: str
    description: str
    """One line."""
    sparkline: tuple[float, ...]
    """The highest LR of the first param group in each of 24 equal parts of the run, from 0 to 1 (its peak).

    Empty where none has been made.
    """


def presets() -> tuple[Preset, ...]:
    """Every shipped schedule, by name; neither validated nor run, so that a list takes no time."""
    made = json.loads(sparklines_path().read_text(encoding="utf-8"))
    return tuple(_preset(name, made.get(name, ())) for name in shipped_names())


def preset_text(name: str) -> str:
    """The file of a shipped schedule, letter by letter. Raises UsageError where none has this name."""
    path = shipped_path(name)
    if path is None:
        raise UsageError(f"no shipped schedule is called {name!r}{did_you_mean(name, shipped_names())}")
    return path.read_bytes().decode("utf-8")


def _preset(name: str, sparkline: Iterable[float]) -> Preset:
    root, _ = read_yaml(preset_text(name), name)
    return Preset(name, str(root.value["description"].value), tuple(sparkline))
