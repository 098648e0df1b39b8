"""What LRScheduler's own methods show: a look ahead, and an optimizer's param groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.look_ahead import look_ahead
from lrsched_cli.analysis.param_groups import describe_param_groups
from lrsched_cli.report.captions import scheduler_caption
from lrsched_cli.report.figure import Style, draw
from lrsched_cli.report.tables import param_groups_table, parameters_table
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from lrsched_cli.core.scheduler import LRScheduler


def look_ahead_figure(scheduler: LRScheduler, max_steps: int, batch_size: float | None) -> Figure:
    """The next ``max_steps`` steps of a copy of ``scheduler``."""
    trace = look_ahead(scheduler, max_steps, batch_size)
    return draw(trace, scheduler_caption(scheduler.parameters, trace), Style())


def param_groups_text(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> str:
    """Each param group's numbers, then each parameter's name and shape."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = describe_param_groups(optimizer, names)
    return plain_text(param_groups_table(groups), "", parameters_table(groups))
