"""``verify_resume``: does a resumed run continue exactly as the run without interruption?"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lrsched_cli.analysis.resume.job import LRS, Job
from lrsched_cli.analysis.resume.process import ResumingProcess
from lrsched_cli.analysis.resume.recipes import chosen_recipes
from lrsched_cli.analysis.resume.results import ResumeReport, SavePointResult, SkippedRecipe
from lrsched_cli.analysis.resume.save_points import BOUNDARIES, check_save_at, save_points
from lrsched_cli.analysis.resume.subject import Subject, subject_of
from lrsched_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.resume.recipes import Recipe
    from lrsched_cli.analysis.resume.reference import Reference
    from lrsched_cli.analysis.resume.subject import Loop
    from lrsched_cli.analysis.resume.training import Factory, SchedulerStep
    from lrsched_cli.core.config import Schedule

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]
    Result = SavePointResult | SkippedRecipe

TIME_LIMIT = 120.0
"""Seconds that the process of the resumed runs may be silent."""


class Curves(NamedTuple):
    """The LRs that updates ran at, each of shape (updates, groups).

    ``resumed`` has those of each resumed run, by recipe and save point, where they are other ones.
    """

    reference: Floats
    resumed: dict[tuple[str, int], Floats]


def verify_resume(  # noqa: PLR0913 - what can be asked for
    subject: Schedule | Factory | str,
    *,
    save_at: int | str | Sequence[int | str] = BOUNDARIES,
    recipes: Sequence[str] = (),
    steps: int | None = None,
    step: SchedulerStep | str | None = None,
    loop: Loop | None = None,
    seed: int = 0,
    time_limit: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> ResumeReport:
    """Train, save, restore, train on, and compare everything with the run without interruption, bit for bit.

    Compared are, at every update from the save point to the end: each number of every param group as it
    stands in ``optimizer.param_groups`` right before ``optimizer.step()``, the scheduler's state, the
    optimizer's state, and the weights. The gradients are random numbers made from ``seed`` and the
    update's number.

    Args:
        subject: a schedule; or a factory ``() -> (model, optimizer, scheduler)``; or the name of one,
            ``"package.module:function"``. A schedule that ``load_schedule`` gave, and a factory by its
            name, are resumed in a fresh Python process, a factory itself in this one.
        save_at: after how many updates checkpoints are written: a number, a list of them as a sequence or
            as text (``"100,200"``), ``"every:50"``, ``"boundaries"`` (where the schedule turns, each with
            its neighbours, the first step, the middle and the last but one), or ``"all"``.
        recipes: the ways to restore, besides ``"complete"``: names of ``RECIPES``, or ``"all"``.
        steps: updates of the run, 2 or more; default: the schedule's, and 200 for a factory.
        step: for a factory, ``step(scheduler, update)`` is called instead of ``scheduler.step()``, with
            the update's number from 1: for schedulers that want a metric, or step once per epoch.
        loop: for a factory, which step comes first; default ``"optimizer-first"``, as in PyTorch.
        seed: of the gradients, 0 or more; a factory is called under ``torch.manual_seed(seed)``.
        time_limit: seconds that the fresh process may be silent.
        progress: called now and then with the updates made and the updates in all.

    Returns:
        A frozen report; a failed check raises nothing.

    Raises:
        UsageError: arguments that do not fit together.
        ResumeError: the training itself fails, or the fresh process dies or hangs.
        ScheduleFileError: settings of the schedule that turn out wrong on the way.
        OutputError: the temporary folder cannot be written.
    """
    asked = asked_for(
        subject,
        save_at=save_at,
        recipes=recipes,
        steps=steps,
        step=step,
        loop=loop,
        seed=seed,
        time_limit=time_limit,
        progress=progress,
    )
    return check(asked)[0]


def _no_progress(done: int, total: int) -> None:
    del done, total


class Asked(NamedTuple):
    """What is to be checked, and how."""

    subject: Subject
    save_at: tuple[int | str, ...]
    recipes: tuple[Recipe, ...]
    time_limit: float
    progress: Progress
    keep_lrs: bool = False


def asked_for(  # noqa: PLR0913 - the arguments of verify_resume
    subject: Schedule | Factory | str,
    *,
    save_at: int | str | Sequence[int | str],
    recipes: Sequence[str],
    steps: int | None,
    step: SchedulerStep | str | None,
    loop: Loop | None,
    seed: int,
    time_limit: float,
    progress: Progress | None = None,
) -> Asked:
    """What the arguments of ``verify_resume`` ask for; UsageError where they do not fit together."""
    return Asked(
        subject_of(subject, steps=steps, step=step, loop=loop, seed=seed),
        (save_at,) if isinstance(save_at, int | str) else tuple(save_at),
        chosen_recipes((recipes,) if isinstance(recipes, str) else recipes),
        time_limit,
        progress or _no_progress,
    )


def check(asked: Asked) -> tuple[ResumeReport, Curves]:
    """Make the check; the curves of resumed runs are kept where that is asked for."""
    check_save_at(asked.save_at)
    with ExitStack() as stack:
        try:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="lrsched-resume-"))
        except OSError as error:
            raise OutputError(f"no temporary folder can be made: {error.strerror or error}") from None
        # Started first: it imports torch while this process does, and makes the run without interruption.
        process = stack.enter_context(ResumingProcess(Path(name))) if asked.subject.is_fresh else None
        return _checked(asked, Path(name), process)


def _checked(asked: Asked, folder: Path, process: ResumingProcess | None) -> tuple[ResumeReport, Curves]:
    import torch  # noqa: PLC0415 - heavy, as below

    from lrsched_cli.analysis.resume.reference import UPDATES_AT_A_TIME, record_reference  # noqa: PLC0415
    from lrsched_cli.analysis.resume.tails import resume  # noqa: PLC0415

    subject = asked.subject
    points, left_out = save_points(asked.save_at, subject.steps, subject.turning_points)
    tails = sum(subject.steps - point.step for point in points) * len(asked.recipes)
    total = subject.steps + tails
    reference = record_reference(
        subject.training(),
        folder,
        frozenset(point.step for point in points),
        early=any(recipe.early for recipe in asked.recipes),
        progress=lambda done, _: asked.progress(done, total),
    )
    job = Job(
        steps=subject.steps,
        seed=subject.seed,
        recipes=tuple(recipe.label for recipe in asked.recipes),
        save_points=tuple(point.step for point in points),
        groups=reference.groups,
        unsaved=reference.unsaved,
        keep_lrs=asked.keep_lrs,
        **subject.job_fields,
    )

    def tell(updates: int) -> None:
        if process is not None or updates % UPDATES_AT_A_TIME == 0:
            asked.progress(subject.steps + updates, total)

    if process is None:
        results = list(resume(job, subject.training(), folder, tell))
    else:
        found = {_place(job, one): one for one in process.results(job, asked.time_limit, tell)}
        results = [found[place] for place in sorted(found)]
    report = ResumeReport(
        **_who_took_part(subject, reference),
        save_points=points,
        boundaries_left_out=left_out,
        recipes=job.recipes,
        results=tuple(one for one in results if isinstance(one, SavePointResult)),
        skipped=tuple(one for one in results if isinstance(one, SkippedRecipe)),
        fresh_process=process is not None,
        torch_version=str(torch.__version__),
    )
    return report, _curves(folder, reference, results)


def _place(job: Job, result: Result) -> tuple[int, int]:
    """Where a result belongs: by recipe, then by save point."""
    return job.recipes.index(result.recipe), result.save_at if isinstance(result, SavePointResult) else 0


def _who_took_part(subject: Subject, reference: Reference) -> dict[str, Any]:
    return {
        "name": subject.name,
        "optimizer": reference.optimizer,
        "scheduler": reference.scheduler,
        "groups": reference.groups,
        "loop": subject.loop,
        "steps": subject.steps,
    }


def _curves(folder: Path, reference: Reference, results: Sequence[Result]) -> Curves:
    groups = len(reference.groups)
    resumed = {}
    for result in results:
        if isinstance(result, SavePointResult):
            path = folder / LRS / f"{result.recipe}-{result.save_at}"
            if path.exists():
                lrs = np.frombuffer(path.read_bytes()).reshape(-1, groups)
                resumed[result.recipe, result.save_at] = lrs
    return Curves(np.frombuffer(reference.lrs).reshape(-1, groups), resumed)
