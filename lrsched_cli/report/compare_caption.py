"""The words around the picture of a comparison."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lrsched_cli.analysis.compare import quantities_of
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.compare_tables import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lrsched_cli.analysis.setting_differences import SettingDifference
    from lrsched_cli.analysis.stored_trace import StoredTrace
    from lrsched_cli.analysis.trace import Trace

_MOST_NAMED = 3


def comparison_caption(
    traces: Mapping[str, Trace | StoredTrace],
    settings: Sequence[SettingDifference],
    version: str,
    *,
    ratio: bool,
) -> Caption:
    """Who is compared with whom, what the lower panel shows, the settings that differ, version and hash."""
    first, *others = traces
    named = " and ".join(others) if len(others) < _MOST_NAMED else f"{len(others)} others"
    below = "ratio" if ratio else "difference"
    fingerprint = _fingerprint(traces)
    return Caption(
        title=f"{first} and {named}",
        subtitle=f"learning rates, and below the {below} to {first}{_and(quantities_of(traces)[1:])}",
        settings=" · ".join(f"{one.key} {' | '.join(map(value_text, one.values))}" for one in settings),
        stamp=f"lrsched {version} · {fingerprint[:8]}",
        fingerprint=fingerprint,
    )


def _and(settings: Sequence[str]) -> str:
    return f"; then {', '.join(settings)}" if settings else ""


def _fingerprint(traces: Mapping[str, Trace | StoredTrace]) -> str:
    """A hash (64 hex digits) of everything that is drawn."""
    digest = hashlib.sha256()
    for label, trace in traces.items():
        digest.update(repr((label, trace.groups, trace.lr.shape)).encode())
        digest.update(trace.step.tobytes() + trace.lr.tobytes())
        for name in quantities_of(traces)[1:]:
            if (values := trace.number(name)) is not None:
                digest.update(name.encode() + values.tobytes())
    return digest.hexdigest()
