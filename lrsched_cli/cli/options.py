"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _complete_config(incomplete: str) -> list[str]:
    """YAML files and folders below what has been typed, and the shipped names."""
    from lrsched_cli.core.shipped import shipped_names  # noqa: PLC0415 - only while completing

    typed = Path(incomplete)
    folder = typed if incomplete.endswith("/") else typed.parent
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() or _is_yaml(path))
    except OSError:
        found = []
    before = incomplete[: incomplete.rfind("/") + 1]  # as it was typed: pathlib would drop a leading ./
    names = [f"{before}{path.name}{'/' if path.is_dir() else ''}" for path in found]
    paths = [name for name in names if name.startswith(incomplete)]
    return [*paths, *(name for name in shipped_names() if name.startswith(incomplete))]


def _is_yaml(path: Path) -> bool:
    return path.suffix in {".yaml", ".yml"}


Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help="A schedule file, a shipped schedule's name, or - for standard input.",
        autocompletion=_complete_config,
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting, such as scheduler.gamma=0.9 or param_groups.head.lr=1e-4; may be repeated.",
        show_default=False,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Scheduler steps to take, instead of the file's number.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document, nothing else.")]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Let the file import functions of yours; the current folder is on the import path."
    ),
]
