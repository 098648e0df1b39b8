"""The runs resumed from checkpoints: built from nothing, restored by a recipe, trained to the end."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from lrsched_cli.analysis.resume.checkpoints import checkpoint_path, read_checkpoint
from lrsched_cli.analysis.resume.comparing import TailComparison
from lrsched_cli.analysis.resume.job import LRS
from lrsched_cli.analysis.resume.reading import RecordedRun, quietly
from lrsched_cli.analysis.resume.recipes import RECIPES, NotApplicable, restored
from lrsched_cli.analysis.resume.recording import Recording, disk
from lrsched_cli.analysis.resume.reference import reason
from lrsched_cli.analysis.resume.results import SavePointResult, SkippedRecipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lrsched_cli.analysis.resume.job import Job
    from lrsched_cli.analysis.resume.recipes import Recipe
    from lrsched_cli.analysis.resume.training import Training


class _Resuming(NamedTuple):
    """What resumed runs have in common; ``alive`` is called after each update."""

    training: Training
    folder: Path
    reference: Recording
    job: Job
    alive: Callable[[int], None]


def resume(
    job: Job, training: Training, folder: Path, alive: Callable[[int], None]
) -> Iterator[SavePointResult | SkippedRecipe]:
    """Resume by every recipe at every save point, in that order; a recipe that cannot be tried, once.

    Args:
        job: what to resume.
        training: how it is built.
        folder: with the recorded run and its checkpoints; LRs are left there where the job says so.
        alive: called after each update with the updates made so far.
    """
    done = 0
    with disk(folder):
        (folder / LRS).mkdir(exist_ok=True)
    with Recording(folder) as reference:
        common = _Resuming(training, folder, reference, job, lambda updates: alive(done + updates))
        for recipe in (one for one in RECIPES if one.label in job.recipes):
            for save_at in job.save_points:
                result, lrs = _resumed(common, recipe, save_at)
                if job.keep_lrs and isinstance(result, SavePointResult) and result.largest_lr is not None:
                    with disk(folder):
                        (folder / LRS / f"{recipe.label}-{save_at}").write_bytes(lrs.tobytes())
                done += training.steps - save_at
                yield result
                if isinstance(result, SkippedRecipe):
                    break


def _resumed(
    common: _Resuming, recipe: Recipe, save_at: int
) -> tuple[SavePointResult | SkippedRecipe, array[float]]:
    """What came of one resumed run, and the LRs that its updates ran at."""
    training = common.training
    path = checkpoint_path(common.folder, save_at, early=recipe.early)
    if path.name in common.job.unsaved:
        return SavePointResult(recipe.label, save_at, 0, failure=common.job.unsaved[path.name]), array("d")
    comparison = TailComparison(common.reference, save_at, common.job.groups)
    stage, done, failure = "restoring failed", save_at, None
    try:
        built = restored(recipe, training, lambda: read_checkpoint(path), save_at)
        with quietly():
            run = RecordedRun(training, built, common.reference.layouts)
            for update in range(save_at + 1, training.steps + 1):
                stage = f"training on failed at update {update}"
                comparison.add(run.update(update))
                done = update
                common.alive(update - save_at)
    except NotApplicable as why:
        return SkippedRecipe(recipe.label, str(why)), array("d")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever restoring or training on may trip over
        failure = f"{stage}: {reason(error)}"
    kinds, largest = comparison.finish()
    return SavePointResult(recipe.label, save_at, done - save_at, kinds, largest, failure), comparison.lrs
