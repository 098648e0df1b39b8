"""The schedules that ship with the package, by name."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped_names() -> tuple[str, ...]:
    """The names under which a shipped schedule can be given instead of a path, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def shipped_path(name: str) -> Path | None:
    """The file of a shipped schedule, or None where there is none of this name."""
    return _folder() / f"{name}.yaml" if name in shipped_names() else None


def sparklines_path() -> Path:
    """The file with the LRs of all shipped schedules, a few numbers each.

    ``python benchmarks/sparklines.py --write`` makes it.
    """
    return _folder() / "sparklines.json"


def _folder() -> Path:
    """Inside the package in a wheel; beside it in a checkout and in an editable install."""
    inside = _PACKAGE / "schedules"
    return inside if inside.is_dir() else _PACKAGE.parent / "schedules"
