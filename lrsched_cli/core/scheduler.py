"""``LRScheduler``: warm-up x cosine annealing with warm restarts x decay x batch size x a custom factor."""

from __future__ import annotations

import copy
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch.optim import lr_scheduler

from lrsched_cli.core.factors import learning_rate
from lrsched_cli.core.parameters import DEFAULTS, LARGEST_WHOLE, Parameters
from lrsched_cli.core.scheduler_arguments import (
    checked_batch_size,
    checked_overrides,
    checked_track,
    own_track,
    plain_override,
)
from lrsched_cli.core.scheduler_state import FORMAT_VERSION, SavedState, differences, read_state
from lrsched_cli.errors import ScheduleMismatchError, ScheduleMismatchWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from lrsched_cli.core.law import Factors, Position, Track

    CustomLambda = Callable[[int], float]


class LRScheduler(lr_scheduler.LRScheduler):
    """Drive every param group's LR: warm-up x cosine restarts x decay x batch size x a custom factor.

    With ``t`` the number of this ``step()`` (from 1) and ``W = warmup_steps``, each group gets::

        lr       = min + (max - min) * lr_scale,   min, max = base_lr * eta_scal_min, base_lr * eta_scal_max
        lr_scale = batch * warmup * cosine * decay * custom

    The formula of each factor, and the papers they come from, are in ``lrsched_cli.core.factors``.
    Construction writes no LR: until the first ``step()`` each group stands at its base LR.

    Args:
        optimizer: whose param groups' ``lr`` is written. A group's base LR is its ``initial_lr`` where
            it has one, else its ``lr``, which is then stored as ``initial_lr``.
        warmup_steps: length of the warm-up in scheduler steps, 0 or more; 0 = none.
        warmup_scale_min: floor of the warm-up factor, from 0 to 1.
        warmup_type: ``"linear"`` or ``"cosine"``.
        T_0: length of the first cosine cycle in scheduler steps, 1 or more.
        T_mult: each cycle is this many times as long as the one before, 1 or more.
        eta_scal_min: lower end as a multiple of the base LR, 0 or more. It does not decay.
        eta_scal_max: upper end as a multiple of the base LR, 0 or more.
        gamma: decay factor, above 0, applied once per restart.
        base_batch_size: batch size at which the batch factor is 1, 1 or more.
        batch_size_mode: ``"linear"``, ``"sqrt"`` or ``"blend"``.
        custom_lambda: extra factor, a function of the step that gives a finite number.
        group_overrides: a schedule of its own for a group: its name or index → any of the parameters
            above but ``optimizer``.

    Raises:
        ValueError: a parameter out of range, naming parameter, value and range; a group that is not there.
        TypeError: ``optimizer`` is no ``torch.optim.Optimizer``.

    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    >>> scheduler = LRScheduler(optimizer, warmup_steps=2, T_0=50)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [1.1]
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one argument per parameter of the law, as torch's schedulers have
        self,
        optimizer: torch.optim.Optimizer,
        warmup_steps: int = DEFAULTS.warmup_steps,
        warmup_scale_min: float = DEFAULTS.warmup_scale_min,
        warmup_type: Literal["linear", "cosine"] = DEFAULTS.warmup_type,
        T_0: int = DEFAULTS.T_0,
        T_mult: int = DEFAULTS.T_mult,
        eta_scal_min: float = DEFAULTS.eta_scal_min,
        eta_scal_max: float = DEFAULTS.eta_scal_max,
        gamma: float = DEFAULTS.gamma,
        base_batch_size: int = DEFAULTS.base_batch_size,
        batch_size_mode: Literal["linear", "sqrt", "blend"] = DEFAULTS.batch_size_mode,
        custom_lambda: CustomLambda | None = None,
        group_overrides: Mapping[Any, Mapping[str, Any]] | None = None,
    ) -> None:
        given = locals()
        # torch's own __init__ is left out on purpose: it takes a first step, which would write LRs.
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise TypeError(f"optimizer must be a torch.optim.Optimizer (got {type(optimizer).__name__})")
        base = checked_track({name: given[name] for name in Parameters.model_fields}, custom_lambda)
        names = [group.get("name") for group in optimizer.param_groups]
        overrides = checked_overrides({} if group_overrides is None else group_overrides, names)
        self.optimizer = optimizer
        self.base_lrs: list[Any] = []  # floats, also where an LR is a tensor
        self.last_epoch = 0
        self._step_count = 0
        # Track 0 is the schedule of all groups without one of their own; _track_of has each group's index.
        self._tracks = [base, *(own_track(base, key, own) for key, own in overrides.values())]
        self._overrides = [{}, *(own for _, own in overrides.values())]
        self._track_of = [0] * len(names)
        for number, index in enumerate(overrides, start=1):
            self._track_of[index] = number
        self._scheduled = 0  # how many groups, from the first, stand at an LR that the law gave
        self._has_factors = True
        self._adopt_groups()
        self._last_lr: list[float | torch.Tensor] = _current_lrs(optimizer)

    @property
    def parameters(self) -> Parameters:
        """The parameters of the schedule of all groups, as a frozen value."""
        return self._tracks[0].parameters

    @property
    def custom_lambda(self) -> CustomLambda | None:
        """The extra factor of the schedule of all groups."""
        return self._tracks[0].custom_lambda

    @property
    def global_step(self) -> int:
        """How many scheduler steps have been taken; torch's name for it is ``last_epoch``."""
        return self.last_epoch

    @property
    def T_cur(self) -> int:
        """Steps since the last restart; 0 during the warm-up."""
        return self._tracks[0].position.T_cur

    @property
    def T_i(self) -> int:
        """Length of the current cycle, in steps."""
        return self._tracks[0].position.T_i

    @property
    def cycle(self) -> int:
        """How many restarts there have been."""
        return self._tracks[0].position.cycle

    @property
    def lr_scale(self) -> float:
        """The last step's multiplier; 1 before the first step, when no multiplier is applied yet."""
        return self._tracks[0].lr_scale

    @property
    def factors(self) -> list[Factors | None]:
        """The last step's five factors, one entry per param group.

        None for a group that no step has scheduled yet, and after a bare state has been loaded.
        """
        known = self._scheduled if self._has_factors else 0
        each = [track.factors for track in self._tracks]
        return [each[number] if index < known else None for index, number in enumerate(self._all_tracks())]

    @property
    def scales(self) -> list[float]:
        """The last step's multiplier, one per param group; 1 where none has been applied yet."""
        return [
            self._tracks[number].lr_scale if index < self._scheduled else 1.0
            for index, number in enumerate(self._all_tracks())
        ]

    @property
    def positions(self) -> list[Position]:
        """``(T_cur, T_i, cycle)``, one per param group."""
        each = [track.position for track in self._tracks]
        return [each[number] for number in self._all_tracks()]

    def step(self, batch_size: float | None = None) -> None:
        """Advance by one step and write every group's LR.

        Args:
            batch_size: the effective batch size of the update that this step belongs to, in samples;
                None: the batch factor is 1. Unlike torch's, this argument is never an epoch.

        Raises:
            CustomLambdaError: ``custom_lambda`` failed at this step.
            StepError: the multiplier is no finite number (a decay or a batch size beyond all measure).
            ValueError: ``batch_size`` is no finite number. Nothing has changed after any of these.
        """
        if batch_size is not None and (type(batch_size) is not int or batch_size > LARGEST_WHOLE):
            batch_size = checked_batch_size(batch_size)
        step = self.last_epoch + 1
        for track in self._tracks:
            track.prepare(step, batch_size)
        count = len(self.optimizer.param_groups)
        if count != len(self.base_lrs):
            self._adopt_groups()
        # Everything that can fail has been done; from here on the step is taken.
        for track in self._tracks:
            track.commit()
        self.last_epoch = step
        self._step_count += 1
        self._scheduled = count
        self._has_factors = True
        self._write_lrs()

    def get_last_lr(self) -> list[float | torch.Tensor]:
        """The LRs that this scheduler wrote last, one per group; copies where the LR is a tensor."""
        return [lr.clone() if isinstance(lr, torch.Tensor) else lr for lr in self._last_lr]

    def get_lr(self) -> list[float | torch.Tensor]:
        """The same as ``get_last_lr()``; this scheduler computes a new LR in ``step()`` alone."""
        return self.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """The state as plain numbers, strings, lists and dicts (``weights_only``- and JSON-clean).

        ``custom_lambda`` is not saved, only whether there was one: set it again when you restore.
        """
        numbers = self._all_tracks()[: len(self.optimizer.param_groups)]
        groups = [self._group_state(index, number) for index, number in enumerate(numbers)]
        return {
            "format_version": FORMAT_VERSION,
            "global_step": self.last_epoch,
            **self._tracks[0].position._asdict(),
            "lr_scale": self._tracks[0].lr_scale,
            "batch_size": self._tracks[0].batch_size,
            "base_lrs": [group["base_lr"] for group in groups],
            "group_names": [group["name"] for group in groups],
            "groups": groups,
            "hyperparameters": self.parameters.model_dump(),
            "custom_lambda": self.custom_lambda is not None,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        """Restore a saved state, and write the LRs that belong to it into the optimizer.

        The LRs are those of the restored step under the *current* configuration, so that a forgotten
        or a differently ordered ``optimizer.load_state_dict`` does no harm. A bare state
        ``{global_step, T_i, T_cur, cycle}`` is taken too and leaves the LRs as they are, unless it has
        an ``lr_scale``. ``state_dict`` is never changed.

        Args:
            state_dict: what ``state_dict()`` gave.
            strict: raise where the state was saved under another configuration, instead of warning.

        Raises:
            StateError: missing fields or fields of a wrong kind; the scheduler stays as it was.
            ScheduleMismatchError: with ``strict``, another configuration; the scheduler stays as it was.
            CustomLambdaError: ``custom_lambda`` failed at the restored step; as above.

        Warns:
            ScheduleMismatchWarning: every difference (saved → current); the current configuration goes on.
        """
        saved = read_state(state_dict)
        self._check_group_count()
        found = [] if saved.is_bare else list(differences(saved.model_dump(), self.state_dict()))
        if found and strict:
            raise ScheduleMismatchError(_mismatch(found))
        tracks = self._restored_tracks(saved)
        if found:
            warnings.warn(_mismatch(found), ScheduleMismatchWarning, stacklevel=2)
        self._adopt_groups()
        self._tracks = tracks
        self.last_epoch = saved.global_step
        self._step_count = saved.global_step
        self._scheduled = self._restored_groups(saved)
        self._has_factors = not saved.is_bare
        if saved.lr_scale is None:
            self._last_lr = _current_lrs(self.optimizer)
        else:
            self._write_lrs()

    def detached_copy(self) -> LRScheduler:
        """A copy that steps param groups of its own: for looking ahead without touching anything.

        Its ``optimizer`` is a stand-in that holds LRs and names only; it cannot train.
        """
        groups = [
            {
                key: value.clone() if isinstance(value, torch.Tensor) else value
                for key, value in group.items()
                if key in {"lr", "initial_lr", "name"}
            }
            for group in self.optimizer.param_groups
        ]
        twin = copy.copy(self)
        twin.optimizer = cast("torch.optim.Optimizer", SimpleNamespace(param_groups=groups))
        twin.base_lrs = list(self.base_lrs)
        twin._tracks = [copy.copy(track) for track in self._tracks]
        twin._track_of = list(self._track_of)
        return twin

    def plot(self, max_steps: int, batch_size: float | None = None) -> Figure:
        """Draw the next ``max_steps`` steps, from the current one on; nothing is changed by it.

        Returns a matplotlib ``Figure`` (``figure.savefig("lr.png")``); no window is opened.
        """
        # Looking ahead and drawing are layers above this one; the method is here for its users' sake.
        from lrsched_cli.report.scheduler_views import look_ahead_figure  # noqa: PLC0415

        return look_ahead_figure(self, max_steps, batch_size)

    @staticmethod
    def visualize_optimizer_param_groups(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> str:
        """Print, and return, what each param group holds.

        For each group: index and name, LR, eps, weight decay, and every parameter's name and shape;
        a parameter that ``model`` does not name is marked unnamed.
        """
        from lrsched_cli.report.scheduler_views import param_groups_text  # noqa: PLC0415

        text = param_groups_text(model, optimizer)
        print(text)  # noqa: T201 - a method that shows, as its name says
        return text

    def _all_tracks(self) -> list[int]:
        """The track of every group of the optimizer, those included that no step has seen yet."""
        new = len(self.optimizer.param_groups) - len(self._track_of)
        return self._track_of + [0] * new if new > 0 else self._track_of

    def _adopt_groups(self) -> None:
        """Take in the groups that are new in the optimizer; they follow the schedule of all groups."""
        self._check_group_count()
        groups = self.optimizer.param_groups
        for group in groups[len(self.base_lrs) :]:
            lr = group["lr"]
            group.setdefault("initial_lr", lr.clone() if isinstance(lr, torch.Tensor) else lr)
            self.base_lrs.append(_base_lr(group))
        self._track_of = self._all_tracks()

    def _check_group_count(self) -> None:
        count = len(self.optimizer.param_groups)
        if count < len(self.base_lrs):
            raise ValueError(
                f"the optimizer has {count} param groups, {len(self.base_lrs)} were scheduled before; "
                "build a new scheduler after taking groups away"
            )

    def _write_lrs(self) -> None:
        """Put each group at its LR: the law's where a step has scheduled it, else its base LR."""
        tracks, track_of, scheduled = self._tracks, self._track_of, self._scheduled
        written: list[float | torch.Tensor] = []
        for index, group in enumerate(self.optimizer.param_groups):
            lr = self.base_lrs[index]
            if index < scheduled:
                track = tracks[track_of[index]]
                lr = learning_rate(lr, track.eta_scal_min, track.eta_scal_max, track.lr_scale)
            held = group["lr"]
            if type(held) is not float and isinstance(held, torch.Tensor):
                held.fill_(lr)
                written.append(held.clone())
            else:
                group["lr"] = lr
                written.append(lr)
        self._last_lr = written

    def _group_state(self, index: int, number: int) -> dict[str, Any]:
        group = self.optimizer.param_groups[index]
        track = self._tracks[number]
        return {
            "name": _name(group),
            "base_lr": self.base_lrs[index] if index < len(self.base_lrs) else _base_lr(group),
            **track.position._asdict(),
            "lr_scale": track.lr_scale if index < self._scheduled else None,
            "overrides": plain_override(self._overrides[number], track),
        }

    def _restored_tracks(self, saved: SavedState) -> list[Track]:
        step, batch_size = saved.global_step, saved.batch_size
        tracks = [self._tracks[0].restored(saved.position, step, batch_size)]
        for number, track in enumerate(self._tracks[1:], start=1):
            index = self._track_of.index(number)
            group = saved.group(index, _name(self.optimizer.param_groups[index]))
            position = group.position if group else track.position_at(step)
            tracks.append(track.restored(position, step, batch_size))
        if saved.is_bare and saved.lr_scale is not None:
            # A bare state does not know its batch factor; its multiplier is all there is to go by.
            tracks[0].lr_scale = saved.lr_scale
        return tracks

    def _restored_groups(self, saved: SavedState) -> int:
        if saved.global_step == 0:
            return 0
        names = [_name(group) for group in self.optimizer.param_groups]
        for index, name in enumerate(names):
            group = saved.group(index, name)
            if group is not None and group.lr_scale is None:
                return index
        return len(names)


def _name(group: Mapping[str, Any]) -> str | None:
    name = group.get("name")
    return None if name is None else str(name)


def _base_lr(group: Mapping[str, Any]) -> float:
    return float(group.get("initial_lr", group["lr"]))


def _current_lrs(optimizer: torch.optim.Optimizer) -> list[float | torch.Tensor]:
    lrs = [group["lr"] for group in optimizer.param_groups]
    return [lr.clone() if isinstance(lr, torch.Tensor) else lr for lr in lrs]


def _mismatch(found: list[str]) -> str:
    return "\n  ".join(["this state was saved under another configuration (saved → current):", *found])
