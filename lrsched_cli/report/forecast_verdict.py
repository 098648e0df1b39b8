"""What really happens after a changed schedule was restored, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.core.numbers_text import whole_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lrsched_cli.analysis.forecast.results import Forecast, PlanDistance

_MOST_NAMED = 4


def verdict(forecast: Forecast) -> str:
    """The outcome as a sentence."""
    return f"What really happens is {outcome(forecast)}."


def outcome(forecast: Forecast) -> str:
    """Which plan the resumed run follows, and if neither, how it is off both."""
    said = {
        "both": "both plans: they are the same",
        "old plan": "the old plan",
        "new plan": f"the new plan, from update {whole_text(forecast.save_at + 1)} on",
        "neither": "neither plan",
    }[forecast.follows]
    why = "; ".join(filter(None, [_lrs(forecast), *_settings(forecast), _order(forecast)]))
    return f"{said}: {why}" if why else said


def _lrs(forecast: Forecast) -> str:
    """What the LRs do, where it is not said already."""
    if forecast.lrs_follow == "neither":
        return _off_both(forecast)
    if forecast.follows in {"new plan", "both"}:
        return ""
    if forecast.lrs_follow == "both":
        return "its LRs are those of both plans"
    if forecast.follows == "old plan":
        return "the new file changes no LR of it"
    return f"its LRs are the {forecast.lrs_follow}'s"


def _off_both(forecast: Forecast) -> str:
    """At which updates the LRs leave the plans; or from where on they are the new plan's."""
    new = [one.to_new for one in forecast.groups]
    old_at = _first([one.to_old for one in forecast.groups if one.to_old is not None])
    leaves = f"leave the old plan at update {old_at}" if old_at else ""
    if all(one.first is None or one.joined for one in new):
        joined = whole_text(max(one.joined or 0 for one in new))
        return f"its LRs {leaves}{' and ' if leaves else ''}are the new plan's from update {joined} on"
    away = f"{'and' if leaves else 'leave'} the new plan at update {_first(new)}"
    return " ".join(filter(None, ["its LRs", leaves, away]))


def _first(distances: Sequence[PlanDistance]) -> str:
    """The first update that differs in any group; an empty text where none does."""
    leaves = [one.first for one in distances if one.first is not None]
    return whole_text(min(leaves)) if leaves else ""


def _settings(forecast: Forecast) -> Iterator[str]:
    """Whose the settings are that count besides the LRs."""
    for wins, whose in (("checkpoint", "the checkpoint's"), ("file", "the file's"), ("neither", "neither's")):
        keys = [one.key for one in forecast.settings if one.counts and one.wins == wins]
        if keys:
            more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
            yield f"{', '.join(keys[:_MOST_NAMED])}{more} {'is' if len(keys) == 1 else 'are'} {whose}"


def _order(forecast: Forecast) -> str:
    return "its param groups are in another order" if forecast.moved else ""
