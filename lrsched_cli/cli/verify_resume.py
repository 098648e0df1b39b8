"""``lrsched verify-resume``: does a resumed run continue exactly, and if its plan changes, what happens?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrsched_cli.cli.completion import complete_config, complete_setting
from lrsched_cli.cli.options import (
    AsJson,
    Dark,
    Dpi,
    LogY,
    Look,
    Model,
    OptionalConfig,
    Overrides,
    Size,
    Steps,
    Trust,
)
from lrsched_cli.cli.outputs import target
from lrsched_cli.cli.resume_check import Request, run_check
from lrsched_cli.cli.resume_checkpoint import inspect
from lrsched_cli.cli.resume_forecast import run_forecast
from lrsched_cli.cli.run import load
from lrsched_cli.errors import UsageError
from lrsched_cli.report.picture_file import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence


FOUND_A_FAULT = 1
_OWN, _PLAN, _FILE = "Your own code", "A changed plan", "A checkpoint of yours"

_TIME_LIMIT = 120.0
_LOOKS = ("--log-y", "--dark")
_KEYS = ("--optimizer-key", "--scheduler-key", "--step-key")
_MODES = {
    "--factory": ("CONFIG", "--set", "--model", *_KEYS),
    "--checkpoint": (
        *("--save-at", "--recipe", "--plot", "--out", "--step-with", "--loop"),
        *("--seed", "--time-limit"),
    ),
    "--resume-config": ("--recipe", "--step-with", "--loop", "--time-limit", *_KEYS),
    "--resume-set": ("--recipe", "--step-with", "--loop", "--time-limit", *_KEYS),
}
"""What else than a schedule's own resume can be asked for, and what does not go with it."""
_ONLY_WITH = {"--step-with": "--factory", "--loop": "--factory", **dict.fromkeys(_KEYS, "--checkpoint")}


def verify_resume(  # noqa: PLR0913 - one argument per option
    config: OptionalConfig = None,
    *,
    save_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K",
            help="Save after K steps: a number, a list 100,200, every:K, boundaries or all; may be repeated.",
            show_default="boundaries",
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Restore in this way too, besides complete; all prints the matrix; may be repeated.",
            show_default=False,
        ),
    ] = None,
    overrides: Overrides = None,
    steps: Steps = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the gradients.")] = 0,
    time_limit: Annotated[
        float,
        typer.Option(min=1.0, metavar="SECONDS", help="How long the resuming process may be silent."),
    ] = _TIME_LIMIT,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the LRs of all runs, and below how far they are apart.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture: a file ending in .png, .svg or .pdf, or a folder.",
            show_default="outputs/resume-NAME.png",
        ),
    ] = None,
    log_y: LogY = False,
    size: Size = "8x5",
    dpi: Dpi = 200,
    dark: Dark = False,
    as_json: AsJson = False,
    model: Model = None,
    trust: Trust = False,
    factory: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Check what this function of yours gives: (model, optimizer, scheduler). Needs --trust.",
            show_default=False,
            rich_help_panel=_OWN,
        ),
    ] = None,
    step_with: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Called with the scheduler and the update's number instead of scheduler.step().",
            show_default=False,
            rich_help_panel=_OWN,
        ),
    ] = None,
    loop: Annotated[
        Literal["optimizer-first", "scheduler-first"] | None,
        typer.Option(
            help="Which step comes first in the loop of a factory.",
            show_default="optimizer-first",
            rich_help_panel=_OWN,
        ),
    ] = None,
    resume_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Resume under this schedule, and forecast what will happen.",
            autocompletion=complete_config,
            show_default=False,
            rich_help_panel=_PLAN,
        ),
    ] = None,
    resume_set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Resume with this setting changed, and forecast what will happen; may be repeated.",
            autocompletion=complete_setting,
            show_default=False,
            rich_help_panel=_PLAN,
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read this file (weights only) and say whether it fits the schedule.",
            show_default=False,
            rich_help_panel=_FILE,
        ),
    ] = None,
    optimizer_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Where its optimizer state is, such as optimizer_states.0.",
            show_default="optimizer",
            rich_help_panel=_FILE,
        ),
    ] = None,
    scheduler_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Where its scheduler state is.",
            show_default="scheduler",
            rich_help_panel=_FILE,
        ),
    ] = None,
    step_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Where the number of its steps is.",
            show_default="step",
            rich_help_panel=_FILE,
        ),
    ] = None,
) -> None:
    """Check that a resumed run continues exactly.

    Train, save, restore in a new process, train on: is every bit as without the interruption? The
    configured optimizer trains a small model of the configured groups. Compared to the last update are all
    numbers of the param groups (right before optimizer.step()), the scheduler's state, the optimizer's
    state, and the weights. Save point K is after K scheduler steps. Ends with 1 where a run restored
    completely (scheduler built, then both states loaded) goes on otherwise.
    """
    given: dict[str, object] = {
        "CONFIG": config,
        "--set": overrides,
        "--model": model,
        "--save-at": save_at,
        "--recipe": recipe,
        "--plot": plot or None,
        "--out": out,
        "--factory": factory,
        "--step-with": step_with,
        "--loop": loop,
        "--resume-config": resume_config,
        "--resume-set": resume_set,
        "--checkpoint": checkpoint,
        **dict(zip(_KEYS, (optimizer_key, scheduler_key, step_key), strict=True)),
        "--seed": seed or None,
        "--time-limit": None if time_limit == _TIME_LIMIT else time_limit,
        "--log-y": log_y or None,
        "--dark": dark or None,
    }
    _check_combination({name for name, value in given.items() if value is not None})
    look = Look(size, dpi, dark, log_y)
    look.check()
    stated = [*(overrides or ()), *([] if steps is None else [f"steps={steps}"])]
    config = "default" if config is None else config
    schedule = load(config, stated, trust=trust, model=model) if factory is None else None
    if schedule is not None and checkpoint is not None:
        keys = {"optimizer": optimizer_key, "scheduler": scheduler_key, "step": step_key}
        holds = inspect(schedule, checkpoint, keys, as_json=as_json)
    elif schedule is not None and (resume_config or resume_set):
        below = stated if resume_config is None else []
        new = load(str(resume_config or config), [*below, *(resume_set or ())], trust=trust, model=model)
        picture = target(out, f"resume-{schedule.name}", SUFFIXES)
        holds = run_forecast(schedule, new, _one(save_at), picture, look, seed=seed, as_json=as_json)
    else:
        subject = schedule or _trusted(factory or "", step_with, trust=trust)
        request = Request(
            subject, save_at or ["boundaries"], recipe or [], steps, step_with, loop, seed, time_limit
        )
        drawn = target(out, f"resume-{request.name}", SUFFIXES) if plot or out else None
        holds = run_check(request, drawn, look, as_json=as_json)
    if not holds:
        raise typer.Exit(FOUND_A_FAULT)


def _check_combination(given: set[str]) -> None:
    """Refuse options that do not go together, all in one message."""
    modes = [mode for mode in _MODES if mode in given]
    wrong = [
        f"{option} does not go with {mode}" for mode in modes for option in _MODES[mode] if option in given
    ]
    wrong += [
        f"{option} needs {mode}" for option, mode in _ONLY_WITH.items() if option in given and not modes
    ]
    if not given & {"--plot", "--out", "--resume-config", "--resume-set"}:
        wrong += [f"{option} needs --plot" for option in _LOOKS if option in given]
    kinds = [mode for mode in modes if mode != "--resume-set" or "--resume-config" not in given]
    if len(kinds) > 1:
        wrong.append(f"{' and '.join(kinds)} are different questions; ask one at a time")
    if wrong:
        raise UsageError("; ".join(dict.fromkeys(wrong)))


def _trusted(factory: str, step: str | None, *, trust: bool) -> str:
    if not trust:
        names = " and ".join(name for name in (factory, step) if name)
        raise UsageError(
            f"--factory imports and calls {names}; give --trust if you would run that code yourself"
        )
    return factory


def _one(save_at: Sequence[str] | None) -> int | None:
    """The save point of a forecast; None: the middle of the run."""
    if save_at is None:
        return None
    if len(save_at) == 1 and save_at[0].strip().isdecimal() and int(save_at[0]) > 0:
        return int(save_at[0])
    raise UsageError("a forecast is about one save point: give one --save-at K, a step from 1 on")
