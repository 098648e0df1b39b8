"""The ledger as one JSON document: whole numbers stay whole, shares and epochs become numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

    from lrsched_cli.analysis.ledger import Ledger
    from lrsched_cli.core.clock.clock import Moment
    from lrsched_cli.core.clock.timeline import Tally


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """Everything that the ledger holds."""
    run = ledger.run
    return {
        "name": ledger.name,
        "dataset_size": None if run is None else run.dataset_size,
        "tokens_per_sample": None if run is None else run.tokens_per_sample,
        "drop_last": None if run is None else run.drop_last,
        "sampler_drop_last": None if run is None else run.sampler_drop_last,
        "partial_accumulation": None if run is None else run.partial_accumulation,
        "rounding": None if run is None else run.rounding,
        "phases": [{**asdict(one), "epoch": _tally(one.epoch)} for one in ledger.phases],
        "run": _moment(ledger.end),
        "total": _tally(ledger.total),
        "counts": ledger.counts,
        "turns": [{"what": one.what, "groups": one.groups, **_moment(one.at)} for one in ledger.turns],
    }


def _moment(at: Moment) -> dict[str, Any]:
    return {**at._asdict(), "share": _number(at.share), "epochs": _number(at.epochs)}


def _tally(tally: Tally | None) -> dict[str, int] | None:
    return None if tally is None else {**tally._asdict(), "dropped": tally.dropped}


def _number(value: Fraction | None) -> int | float | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)
