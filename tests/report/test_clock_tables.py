"""The tables of the clock on terminals: no column is lost, and no number cut."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lrsched_cli.analysis.ledger import Ledger, ledger
from lrsched_cli.analysis.plan_change import PlanChange, plan_change, plan_override
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.core.config import load_schedule
from lrsched_cli.report.clock_tables import ledger_parts, rules_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

GROUPS = "".join(f"  - {{name: group-with-a-long-name-{one}, lr: 1e-{one}}}\n" for one in range(1, 7))
LONG = f"""\
steps: {{tokens: 100Mtok, tokens_per_sample: 2048, dataset_size: 12811}}
batch_size: {{per_device: 4, devices: 8}}
param_groups:
{GROUPS}  - {{name: other, scheduler: {{warmup_steps: 7}}}}
scheduler: {{warmup_steps: 10%, T_0: 20%, T_mult: 1, base_batch_size: 4096}}
"""


def both() -> tuple[dict[str, Ledger], PlanChange]:
    Path("s.yaml").write_text(LONG)
    now = load_schedule("s.yaml")
    new = load_schedule("s.yaml", overrides=[plan_override(now, {"devices": 24})])
    ledgers = {label: ledger(one, dry_run(one)) for label, one in (("now", now), ("new", new))}
    return ledgers, plan_change(now, new)


def printed(parts: Iterable[RenderableType], width: int) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    for part in parts:
        console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_every_number_stands_whole_at_any_width(width: int) -> None:
    ledgers, change = both()
    wide = printed([*ledger_parts(ledgers), *rules_parts(change)], 10_000)
    narrow = printed([*ledger_parts(ledgers, width), *rules_parts(change, width)], width)
    number = re.compile(r"[0-9][0-9,.%e-]*")
    assert sorted(number.findall(narrow)) == sorted(number.findall(wide))
    assert "…" not in narrow
    assert {"accumulate", "tokens", "dropped"} <= set(narrow.split())


def test_at_80_columns_words_fold_and_nothing_runs_over() -> None:
    ledgers, change = both()
    tables = [*ledger_parts(ledgers, 80), *rules_parts(change, 80)]
    assert not any(isinstance(one, str) and "─" in one for one in tables)


def test_many_groups_are_counted_and_few_named() -> None:
    ledgers, _ = both()
    out = printed(ledger_parts(ledgers), 10_000)
    assert "warm-up ends (6 groups)" in out
    assert "warm-up ends (other)" in out
