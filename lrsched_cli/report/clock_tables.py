"""The ledger of a run, or of a run under two batch plans, as rich tables."""

from __future__ import annotations

from io import StringIO
from math import isnan
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.tables import plain_table
from lrsched_cli.report.text import UNLIMITED_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from rich.console import RenderableType

    from lrsched_cli.analysis.ledger import Count, Ledger, PhaseCount, Turn
    from lrsched_cli.analysis.plan_change import PlanChange, RuleChange
    from lrsched_cli.core.clock.clock import Moment

    Ledgers = Mapping[str, Ledger]
    """One ledger, or one under each batch plan, by the plan's label."""

MAX_TURNS = 20
_NONE = "-"
_FOLDED = ("group", "turn", "setting")
_NARROWEST, _GAP = 12, 2  # letters: of a column of words, and between columns
_LONGEST_NAMES = 32
_MARKS = {"*": "the file's rule", "†": "the rule with the changes"}


def ledger_parts(ledgers: Ledgers, width: int = UNLIMITED_WIDTH) -> list[RenderableType]:
    """All tables of the ledger, each under its heading, for a terminal of so many columns."""
    parts: list[RenderableType] = []
    if any(one.phases for one in ledgers.values()):
        parts += ["The batch plan", plan_table(ledgers), ""]
    if any(phase.epoch is not None for one in ledgers.values() for phase in one.phases):
        parts += ["An epoch", epoch_table(ledgers), *loading_lines(ledgers), ""]
    parts += ["In all", total_table(ledgers), ""]
    if any(one.counts for one in ledgers.values()):
        parts += ["Counts in other units", counts_table(ledgers), ""]
    return [whole(one, width) for one in (*parts, "Where the schedule turns", turns_table(ledgers))]


def rules_parts(change: PlanChange, width: int = UNLIMITED_WIDTH) -> list[RenderableType]:
    """The LRs by each batch rule and whose rule it is; nothing where no rule applies."""
    if not change.rules:
        return []
    marks = [
        f"{mark} {words}"
        for mark, words in _MARKS.items()
        if any(mark in _marks(one) for one in change.rules)
    ]
    notes = [Text(" · ".join(marks))] if marks else []
    return ["", "LRs by each batch rule", whole(rules_table(change), width), *notes]


def whole(part: RenderableType, width: int) -> RenderableType:
    """A table of which no column is lost and no number cut: words fold, and else lines run over the width."""
    if not isinstance(part, Table):
        return part
    over = -width - _GAP
    for column in part.columns:
        column.width = max(_cells(column), cell_len(str(column.header)))
        over += column.width + _GAP
    # The headings of numbers fold first, and words only where that is not enough.
    for column in sorted(part.columns, key=lambda one: str(one.header) in _FOLDED):
        natural = column.width or 0
        column.width = max(_least(column), natural - max(over, 0))
        column.overflow, column.no_wrap = "fold", False
        over -= natural - column.width
    return part if over <= 0 else _as_text(part, width + over)


def _cells(column: Column) -> int:
    return max((cell_len(str(cell)) for cell in column.cells), default=0)


def _least(column: Column) -> int:
    """How narrow a column can be: numbers stay whole, and words of a heading."""
    if str(column.header) in _FOLDED:
        return min(max(_cells(column), cell_len(str(column.header))), _NARROWEST)
    return max(_cells(column), *map(cell_len, str(column.header).split() or [""]))


def _as_text(table: Table, width: int) -> str:
    """A table that is too wide, as text, of which a terminal cuts nothing."""
    console = Console(file=StringIO(), width=width, color_system=None, emoji=False)
    text = "".join(segment.text for segment in console.render(table))
    return "\n".join(line.rstrip() for line in text.splitlines())


def plan_table(ledgers: Ledgers) -> Table:
    """A row for each phase: its updates in this run, and what each is made of."""
    table = _table(ledgers, *("updates", "batch size", "per_device", "devices", "accumulate"))
    for label, one in ledgers.items():
        for place, phase in enumerate(one.phases):
            parts = (phase.size, phase.per_device, phase.devices, phase.accumulate)
            table.add_row(*_label(ledgers, label, first=place == 0), _updates(phase), *map(whole_text, parts))
    return table


def epoch_table(ledgers: Ledgers) -> Table:
    """A row for each phase: what a whole epoch under it gives."""
    table = _table(
        ledgers, *("at updates", "micro-batches (each device)", "updates", "samples", "repeated", "dropped")
    )
    for label, one in ledgers.items():
        for place, phase in enumerate(one.phases):
            if phase.epoch is not None:
                parts = phase.epoch.micro_batches, phase.epoch.updates, phase.epoch.samples
                lost = phase.epoch.repeated, phase.epoch.dropped
                table.add_row(
                    *_label(ledgers, label, first=place == 0),
                    _updates(phase),
                    *map(whole_text, (*parts, *lost)),
                )
    return table


def loading_lines(ledgers: Ledgers) -> list[Text]:
    """How an epoch's end is treated, in a line."""
    runs = [one.run for one in ledgers.values() if one.run is not None and one.run.dataset_size is not None]
    if not runs:
        return []
    run = runs[0]
    size = f"{whole_text(run.dataset_size or 0)} samples in the data set"
    settings = ("drop_last", "sampler_drop_last")
    said = [f"{key} {'yes' if getattr(run, key) else 'no'}" for key in settings]
    return [Text(" · ".join([size, *said, f"partial_accumulation {run.partial_accumulation}"]))]


def total_table(ledgers: Ledgers) -> Table:
    """The whole run in every unit, and what is dropped."""
    table = plain_table("setting", *(label or "run" for label in ledgers))
    table.columns[0].header = Text("")
    rows: list[tuple[str, list[str]]] = [
        ("updates", [_whole(one.end.update) for one in ledgers.values()]),
        ("epochs", [epochs_text(one.end.epochs) for one in ledgers.values()]),
        ("samples", [_whole(one.end.samples) for one in ledgers.values()]),
        ("tokens", [_whole(one.end.tokens) for one in ledgers.values()]),
    ]
    rows += [
        (name, [_whole(_tallied(one, key)) for one in ledgers.values()]) for name, key in _TALLIED.items()
    ]
    for name, values in rows:
        if any(value != _NONE for value in values):
            table.add_row(name, *values)
    return table


def counts_table(ledgers: Ledgers) -> Table:
    """Each setting in another unit with the steps that it comes to."""
    table = plain_table("setting", "written", *(f"steps {label}".strip() for label in ledgers))
    keys = dict.fromkeys(count.key for one in ledgers.values() for count in one.counts)
    for key in keys:
        found = [(one, count) for one in ledgers.values() for count in one.counts if count.key == key]
        written = " | ".join(dict.fromkeys(count.written for _, count in found))
        steps = {id(one): whole_text(count.steps) + _rounding(one, count) for one, count in found}
        table.add_row(Text(key), Text(written), *(steps.get(id(one), _NONE) for one in ledgers.values()))
    return table


def _rounding(ledger: Ledger, count: Count) -> str:
    return "" if count.exact else _ROUNDED[ledger.run.rounding if ledger.run is not None else "up"]


def turns_table(ledgers: Ledgers) -> Table:
    """Where warm-up, restarts and the end of the run fall, in every unit that is known."""
    ends = [one.end for one in ledgers.values()]
    units = {
        unit: show for unit, show in _UNITS.items() if any(getattr(end, unit) is not None for end in ends)
    }
    table = _table(ledgers, "turn", "update", *units.values())
    table.columns[-2 - len(units)].justify = "left"
    for label, one in ledgers.items():
        shown, left_out = _shown(one.turns)
        for place, turn in enumerate(shown):
            if left_out and place == MAX_TURNS // 2:
                table.add_row(*_label(ledgers, "", first=True), f"… {left_out} more")
            name = Text(turn.what + _of_groups(turn.groups))
            table.add_row(*_label(ledgers, label, first=place == 0), name, *_moment(turn.at, units))
        table.add_row(*_label(ledgers, label, first=not shown), "the end", *_moment(one.end, units))
    return table


def _of_groups(groups: Sequence[str]) -> str:
    """Which groups, in brackets; how many, where they are no few words."""
    names = ", ".join(groups)
    return f" ({names if len(names) <= _LONGEST_NAMES else f'{len(groups)} groups'})" if groups else ""


def rules_table(change: PlanChange) -> Table:
    """Each param group's LRs under both plans, a batch rule in each row."""
    table = plain_table(
        *("group", "rule", "factor now", "factor new", "peak now", "peak new", "new / now", "final new")
    )
    for index, group in enumerate(change.now.groups):
        for place, one in enumerate(change.rules):
            found = one.groups[index]
            table.add_row(
                Text(group if place == 0 else ""),
                one.rule + _marks(one),
                *map(lr_text, (one.factor_now, one.factor_new)),
                lr_text(found.peak_now.lr),
                lr_text(found.peak_new.lr),
                _NONE if isnan(found.ratio) else lr_text(found.ratio),
                lr_text(found.final_new.lr),
            )
    return table


def epochs_text(epochs: Fraction | None) -> str:
    """Epochs, to four decimals where they are not whole.

    >>> from fractions import Fraction
    >>> epochs_text(Fraction(90)), epochs_text(Fraction(5, 2)), epochs_text(Fraction(1, 3))
    ('90', '2.5', '0.3333')
    """
    if epochs is None:
        return _NONE
    if epochs.denominator == 1:
        return whole_text(epochs.numerator)
    return f"{float(epochs):,.4f}".rstrip("0").rstrip(".")


_UNITS = {"share": "% of run", "epochs": "epochs", "samples": "samples", "tokens": "tokens"}
_TALLIED = {
    "micro-batches (each device)": "micro_batches",
    "repeated by the sampler": "repeated",
    "dropped by the sampler": "dropped_by_sampler",
    "dropped by the loader": "dropped_by_loader",
    "read for no update": "unused_samples",
}
_ROUNDED = {"up": " (rounded up)", "down": " (rounded down)", "nearest": " (the nearest)", "exact": ""}


def _marks(rule: RuleChange) -> str:
    """``*`` for the file's rule, ``†`` for another one that it is changed to."""
    changed = rule.is_the_changed_ones and not rule.is_the_files
    return "*" * rule.is_the_files + "†" * changed


def _tallied(ledger: Ledger, key: str) -> int | None:
    """Data without end are neither repeated nor dropped."""
    endless = ledger.run is None or ledger.run.dataset_size is None
    if ledger.total is None or (endless and key != "micro_batches"):
        return None
    return int(getattr(ledger.total, key))


def _table(ledgers: Ledgers, *columns: str) -> Table:
    if len(ledgers) == 1:
        return plain_table(*columns)
    table = plain_table("file", *columns)
    table.columns[0].header = Text("")
    return table


def _label(ledgers: Ledgers, label: str, *, first: bool) -> list[Text]:
    return [] if len(ledgers) == 1 else [Text(label if first else "")]


def _updates(phase: PhaseCount) -> str:
    return f"{whole_text(phase.first_update)} to {whole_text(phase.last_update)}"


def _moment(at: Moment, units: Iterable[str]) -> list[str]:
    values = {
        "share": _NONE if at.share is None else f"{float(100 * at.share):.4g}%",
        "epochs": epochs_text(at.epochs),
        "samples": _whole(at.samples),
        "tokens": _whole(at.tokens),
    }
    return [whole_text(at.update), *(values[unit] for unit in units)]


def _shown(turns: Sequence[Turn]) -> tuple[list[Turn], int]:
    if len(turns) <= MAX_TURNS:
        return list(turns), 0
    half = MAX_TURNS // 2
    return [*turns[:half], *turns[-half:]], len(turns) - MAX_TURNS


def _whole(value: int | None) -> str:
    return _NONE if value is None else whole_text(value)
