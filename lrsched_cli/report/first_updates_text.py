"""What the first updates get, in words and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.tables import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from lrsched_cli.analysis.first_updates import FirstUpdates


def first_updates_table(found: Sequence[FirstUpdates]) -> Table:
    """The LRs of the first updates, and the peak of the warm-up with the first update that gets it."""
    shown = max(len(one.lrs) for one in found)
    table = plain_table("group", "update 1", *map(str, range(2, shown + 1)), "peak", "at")
    for one in found:
        table.add_row(
            Text(one.group),
            *(lr_text(lr) for lr in one.lrs),
            lr_text(one.peak),
            "-" if one.peak_update is None else whole_text(one.peak_update),
        )
    return table


def first_updates_lines(found: Sequence[FirstUpdates]) -> list[Text]:
    """How the LRs begin: one line for all groups where they begin alike, else one each."""
    said = {sentence(one) for one in found}
    if len(said) == 1:
        return [Text(said.pop())]
    return [Text(f"{one.group}: {sentence(one)}") for one in found]


def sentence(one: FirstUpdates) -> str:
    """How one group's LR begins, without its LRs, so that groups that begin alike read alike.

    >>> from lrsched_cli.analysis.first_updates import FirstUpdates
    >>> sentence(FirstUpdates("a", (0.5, 1.0), 0, 0, False, 1.0, 2, "from one"))
    'Update 2 is the first at the peak; update u gets u/2 of it.'
    """
    parts = []
    if one.before_warmup:
        times = f"{one.lrs[0] / one.lrs[1]:.3g} times" if one.lrs[1] else "above"
        parts.append(f"Update 1 runs before the warm-up, at {times} the LR that update 2 begins it with.")
    if one.at_zero:
        which = "Update 1 runs" if one.at_zero == 1 else f"Updates 1 to {one.at_zero} run"
        parts.append(f"{which} at LR 0 and change{'s' if one.at_zero == 1 else ''} nothing.")
    elif one.held:
        first = 1 + int(one.before_warmup)
        last = whole_text(one.held + int(one.before_warmup))
        parts.append(f"Updates {first} to {last} run at the floor of the warm-up.")
    return " ".join([*parts, _peak(one)])


def _peak(one: FirstUpdates) -> str:
    if one.peak_update is None:
        return "The warm-up does not end within the run."
    if one.convention is None:
        return "There is no warm-up: update 1 runs at the first LR of the schedule."
    reached = f"Update {whole_text(one.peak_update)} is the first at the peak"
    before = int(one.before_warmup)
    updates = one.peak_update - before
    if one.convention == "from zero":
        return f"{reached}; update u gets (u - {1 + before})/{updates - 1} of it."
    if one.convention == "from one":
        return f"{reached}; update u gets {'(u - 1)' if before else 'u'}/{updates} of it."
    if one.convention == "from a floor" and one.peak:
        return f"{reached}; the rise to it is even, from {lr_text(one.lrs[before] / one.peak)} of it on."
    return f"{reached}."
