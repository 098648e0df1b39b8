"""What can be seen of a schedule before the training: one rule for each mistake that people really make.

A rule is a function in one of these modules, with its code; a new one is that function and its name in its
module's ``CHECKS``.
"""

from __future__ import annotations

from lrsched_cli.analysis.checks import (
    batch,
    cycles,
    first_update,
    groups,
    horizon,
    peaks,
    resume,
    shape,
    values,
    warmup,
)

MODULES = (first_update, values, cycles, warmup, batch, peaks, shape, groups, horizon, resume)
CHECKS = tuple(sorted((rule for module in MODULES for rule in module.CHECKS), key=lambda rule: rule.code))
"""Every rule, by its code."""
