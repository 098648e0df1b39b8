"""What the families of other libraries have in common: a file's arguments, held against a signature."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.families.arguments import (
    OURS,
    each,
    family_for,
    is_function,
    is_import,
    is_section,
    parts_of,
    stated_findings,
)
from lrsched_cli.core.families.family import NOT_SAVED, NOT_TOLD
from lrsched_cli.core.numbers_text import lr_text
from lrsched_cli.core.sections import CsvColumn, LibraryScheduler
from lrsched_cli.core.stepping import one_line, step_problem
from lrsched_cli.errors import ExpressionError, ScheduleFileError, StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.arguments import Signature
    from lrsched_cli.core.families.family import Finding, Holder, Path, View

_IN_THE_HEADLINE = 4


class LibraryFamily:
    """A family whose types have signatures; its library's module says what they are."""

    name: str

    def names(self) -> tuple[str, ...]:
        """Every type that the installed version has."""
        return ()

    def version(self) -> str | None:
        """The installed version."""
        return None

    def missing(self) -> str:
        """Nothing: it is there."""
        return ""

    def signature(self, kind: str, imported: Mapping[str, Any]) -> Signature:
        """What a type takes. Raises ValueError, with the reason, where there is no such type."""
        raise NotImplementedError

    def construct(
        self, kind: str, optimizer: torch.optim.Optimizer, arguments: Mapping[str, Any], schedule: Schedule
    ) -> Any:
        """The scheduler of a section whose arguments are objects by now."""
        raise NotImplementedError

    def findings(self, section: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Unknown types, unknown and missing arguments, and values of another kind."""
        yield from self.checked(section, path, {})

    def imported_findings(
        self, section: Mapping[str, Any], path: Path, imported: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """What parts of the section tell that are of the user's own."""
        for place, one in parts_of(section, path):
            yield from family_for(one).imported_findings(one, place, imported)

    def references(self, section: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
        """Functions of the user's own in place of formulas, and what its parts would import."""
        for key, value in section.items():
            for place, one in each(value, (*path, key)):
                if key not in OURS and is_import(one):
                    yield (*place, "import"), one["import"]
        for place, one in parts_of(section, path):
            yield from family_for(one).references(one, place)

    def settings(self, schedule: Schedule) -> dict[str, Any]:
        """Type and arguments, with the defaults that the signature tells; parts under their place."""
        section = section_of(schedule)
        metric = {} if section.metric is None else {"metric": metric_text(section.metric)}
        return {**self._settings(_plain(section), schedule), **metric}

    def setting(self, holder: Holder, key: str) -> Any:
        """One of them, which is that of all groups."""
        return self.settings(holder[0]).get(key)

    def with_setting(self, holder: Holder, key: str, other: Holder) -> Schedule | None:
        """The schedule with another one's value of a setting; None for another type, of a part as well."""
        schedule, section = holder[0], section_of(holder[0])
        theirs = other[0].scheduler
        if key == "type" or not isinstance(theirs, LibraryScheduler) or theirs.type != section.type:
            return None
        if key == "metric":
            changed = section.model_copy(update={"metric": theirs.metric})
            return schedule.model_copy(update={"scheduler": changed})
        try:
            stated = _with_value(_plain(section), key.split("."), _plain(theirs))
        except LookupError:  # the parts are not as many, or of other types
            return None
        if any(self.checked(stated, ("scheduler",), schedule.all_imported)):
            return None
        stated["metric"] = section.metric
        return schedule.model_copy(update={"scheduler": LibraryScheduler(**stated)})

    def restored_setting(self, state: Mapping[str, Any], key: str, saved: Holder, restored: Holder) -> Any:
        """The attribute of that name, which is what other libraries save; never a formula."""
        del saved
        schedule = restored[0]
        return (
            NOT_SAVED
            if key == "metric"
            else self.restored_argument(_plain(section_of(schedule)), state, key.split("."), schedule)
        )

    def restored_argument(
        self, section: Mapping[str, Any], state: Mapping[str, Any], path: Sequence[str], schedule: Schedule
    ) -> Any:
        """The same for a section or a part of one: ``path`` leads from it to an argument."""
        key, *rest = path
        found = state.get(key, state.get(f"_{key}", NOT_TOLD))
        if rest:
            at, *inner = rest
            parts, states = (
                dict(enumerate(one)) if isinstance(one, list) else {} for one in (section.get(key), found)
            )
            if int(at) not in parts.keys() & states.keys():
                return NOT_TOLD
            part = parts[int(at)]
            return family_for(part).restored_argument(part, states[int(at)], inner, schedule)
        known = self.signature(str(section["type"]), schedule.all_imported).arguments
        if key in known and is_function(known[key]):
            return NOT_SAVED
        return sorted(found.elements()) if isinstance(found, Counter) else found

    def headline(self, schedule: Schedule) -> list[str]:
        """The type and its first arguments."""
        return self._phrases(schedule)[: _IN_THE_HEADLINE + 1]

    def further_settings(self, schedule: Schedule) -> list[str]:
        """The other arguments."""
        return self._phrases(schedule)[_IN_THE_HEADLINE + 1 :]

    def scheduler_steps(self, schedule: Schedule) -> int | None:
        """Only the file can say."""
        del schedule
        return None

    def try_out(self, schedule: Schedule, scheduler_steps: int) -> None:
        """Evaluate the metric at every step."""
        if section_of(schedule).metric is not None:
            metric = metric_of(schedule)
            for step in range(1, scheduler_steps + 1):
                metric(step)

    def build(self, schedule: Schedule, optimizer: torch.optim.Optimizer) -> Any:
        """The scheduler over ``optimizer``, its parts first."""
        section = section_of(schedule)
        try:
            return built(_plain(section), ("scheduler",), optimizer, schedule)
        except StepError as error:
            raise step_problem(schedule, error) from None

    def stepper(self, schedule: Schedule) -> Callable[[Any, int, float | None], object]:
        """``step()``, or ``step(metric)`` where the type takes one."""
        if section_of(schedule).metric is None:
            return lambda scheduler, *_: scheduler.step()
        metric = metric_of(schedule)
        return lambda scheduler, number, _: scheduler.step(metric(number))

    def view(self, scheduler: Any) -> View | None:
        """Other libraries' schedulers say nothing but LRs."""
        del scheduler
        return None

    def kind_of_state(self, state: Mapping[str, Any]) -> str:
        """States that could be any type's say nothing."""
        del state
        return ""

    def checked(
        self, section: Mapping[str, Any], path: Path, imported: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """What does not fit the signature; ``imported`` is what the file names of the user's own."""
        try:
            signature = self.signature(str(section["type"]), imported)
        except ValueError as error:
            yield (*path, "type"), str(error), False
        else:
            yield from stated_findings(section, path, signature)

    def _settings(self, section: Mapping[str, Any], schedule: Schedule) -> dict[str, Any]:
        known = self.signature(str(section["type"]), schedule.all_imported).arguments
        defaults = {key: one.default for key, one in known.items() if one.default is not ...}
        found: dict[str, Any] = {}
        for key, value in {**section, **{k: v for k, v in defaults.items() if k not in section}}.items():
            parts = [one for _, one in each(value, ())]
            if any(is_section(one) for one in parts):
                for index, one in enumerate(parts):
                    inner = family_for(one)._settings(one, schedule)
                    found |= {f"{key}.{index}.{name}": setting for name, setting in inner.items()}
            else:
                found[key] = value["import"] if is_import(value) else value
        return found

    def _phrases(self, schedule: Schedule) -> list[str]:
        section = section_of(schedule)
        stated = {key: value for key, value in _plain(section).items() if key != "type"}
        metric = [] if section.metric is None else [f"metric {metric_text(section.metric)}"]
        return [section.type, *(_phrase(key, value) for key, value in stated.items()), *metric]


def section_of(schedule: Schedule) -> LibraryScheduler:
    """The scheduler section of a schedule of such a family."""
    if not isinstance(schedule.scheduler, LibraryScheduler):
        raise TypeError(f"{schedule.scheduler.type} has a section of its own")
    return schedule.scheduler


def built(
    section: Mapping[str, Any], path: Path, optimizer: torch.optim.Optimizer, schedule: Schedule
) -> Any:
    """The scheduler that a section describes, its parts built before it and in their order.

    Raises ScheduleFileError, at the section or part that the library refuses.
    """
    family = family_for(section)
    if not isinstance(family, LibraryFamily):
        raise TypeError(f"{section['type']} cannot be a part")  # findings() has refused it
    kind = str(section["type"])
    known = family.signature(kind, schedule.all_imported).arguments
    arguments = {}
    for key, value in section.items():
        place = (*path, key)
        if key in OURS:
            continue
        if any(is_section(one) for _, one in each(value, place)):
            parts = [built(one, at, optimizer, schedule) for at, one in each(value, place)]
            arguments[key] = parts if isinstance(value, list) else parts[0]
        elif key in known and is_function(known[key]):
            arguments[key] = _functions(value, place, schedule)
        else:
            arguments[key] = deepcopy(value)  # the library may keep it, and change it
    try:
        return family.construct(kind, optimizer, arguments, schedule)
    except StepError:
        raise
    except (Exception, SystemExit) as error:  # whatever the library finds wrong is the settings' fault
        message = f"{kind} refuses these settings: {one_line(error)}"
        raise ScheduleFileError([schedule.problem_at(path, message)]) from error


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


def _with_value(section: Any, path: Sequence[str], other: Any) -> Any:
    """A section with another one's value at a place; without one where the other has none."""
    part, *rest = path
    if isinstance(section, list) and isinstance(other, list):
        at = int(part)
        changed = _with_value(section[at], rest, other[at])
        return [changed if i == at else one for i, one in enumerate(section)]
    if rest:
        return {**section, part: _with_value(section[part], rest, other[part])}
    kept = {key: value for key, value in section.items() if key != part}
    return {**kept, part: other[part]} if part in other else kept


def _plain(section: LibraryScheduler) -> dict[str, Any]:
    return {"type": section.type, **(section.model_extra or {})}


def _functions(value: Any, path: Path, schedule: Schedule) -> Any:
    if value is None:
        return None
    found = [
        schedule.imported(one["import"]) if is_import(one) else formula(Expression(one), place)
        for place, one in each(value, path)
    ]
    return found if isinstance(value, list) else found[0]


def _phrase(key: str, value: Any) -> str:
    parts = [_shown(one) for _, one in each(value, ())]
    joined = " → ".join(parts) if any(is_section(one) for _, one in each(value, ())) else ", ".join(parts)
    return f"{key} {joined}"


def _shown(value: Any) -> str:
    if is_section(value):
        return str(value["type"])
    if is_import(value):
        return str(value["import"])
    return lr_text(value) if isinstance(value, float) else str(value)
