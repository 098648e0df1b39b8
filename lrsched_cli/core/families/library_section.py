"""What a scheduler section of another library says: its keys, its metric, its formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.sections import CsvColumn, LibraryScheduler
from lrsched_cli.errors import ExpressionError, StepError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Path


def section_of(schedule: Schedule) -> LibraryScheduler:
    """The scheduler section of a schedule of such a family."""
    if not isinstance(schedule.scheduler, LibraryScheduler):
        raise TypeError(f"{schedule.scheduler.type} has a section of its own")
    return schedule.scheduler


def plain_section(schedule: Schedule) -> dict[str, Any]:
    """The scheduler section as the file has it."""
    return plain_of(section_of(schedule))


def plain_of(section: LibraryScheduler) -> dict[str, Any]:
    """A section as the file has it, without the metric."""
    return {"type": section.type, **(section.model_extra or {})}


def metric_of(schedule: Schedule) -> Callable[[int], float]:
    """The metric of each scheduler step, from 1. Calling it raises StepError where there is none."""
    stated = section_of(schedule).metric
    if isinstance(stated, Expression):
        return formula(stated, ("scheduler", "metric"))
    column = schedule.metric_column

    def metric(step: int) -> float:
        if step > len(column):
            message = f"has {len(column):,} rows; scheduler step {step:,} needs another one"
            raise StepError(message, step, key=("metric",))
        return column[step - 1]

    return metric


def metric_text(metric: Expression | CsvColumn) -> str:
    """A metric as the file has it, in a line."""
    return metric.text if isinstance(metric, Expression) else f"{metric.csv}: {metric.column}"


def formula(expression: Expression, path: Path) -> Callable[[float], float]:
    """A formula as a plain function: torch saves the insides of any other callable into its states."""

    def of_step(step: float) -> float:
        try:
            return expression(step)  # what torch calls with is mostly, not always, a whole number
        except ExpressionError as error:
            message = f"failed at step {step:g}: {error}"
            raise StepError(message, int(step), key=path[1:]) from None

    return of_step
