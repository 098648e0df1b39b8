"""A run in a few numbers."""

from __future__ import annotations

import numpy as np
import pytest

from lrsched_cli.analysis.sparkline import PARTS, sparkline_of


def test_each_part_has_its_highest_lr_as_a_share_of_the_peak() -> None:
    lrs = np.linspace(1e-4, 0.24, 2400)
    assert sparkline_of(lrs) == tuple(round(part / 24, 3) for part in range(1, 25))


def test_a_single_high_update_is_seen() -> None:
    lrs = np.full(240_000, 1e-6)
    lrs[123_456] = 1.0
    assert [part for part, share in enumerate(sparkline_of(lrs)) if share == 1] == [12]


@pytest.mark.parametrize("updates", [1, 2, 23, 24, 25, 1000])
def test_there_are_no_more_parts_than_updates(updates: int) -> None:
    assert sparkline_of(np.full(updates, 0.3)) == (1.0,) * min(updates, PARTS)


def test_a_run_at_zero_is_flat() -> None:
    assert sparkline_of(np.zeros(100)) == (0.0,) * PARTS
