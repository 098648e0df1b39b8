"""What a data loader gives a training run: samples, micro-batches and updates, counted without a loop.

All arithmetic is that of whole numbers. An epoch is read as PyTorch does it: ``DistributedSampler`` deals
the samples to the devices, ``DataLoader`` cuts each device's share into micro-batches. So many of those as
the batch plan says make an update. Where the plan changes in the middle of an epoch, what is left of the
epoch is dealt and cut anew.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from typing import NamedTuple


class DevicePlan(NamedTuple):
    """What an update is made of: samples of a micro-batch, devices, micro-batches of each device."""

    per_device: int
    devices: int = 1
    accumulate: int = 1

    @property
    def size(self) -> int:
        """Samples of a full update."""
        return self.per_device * self.devices * self.accumulate


class Loading(NamedTuple):
    """How an epoch's end is treated; each as PyTorch and the trainers have it by default."""

    drop_last: bool = False
    """``DataLoader(drop_last=...)``: a last micro-batch that is not full is left out."""
    sampler_drop_last: bool = False
    """``DistributedSampler(drop_last=...)``: samples are left out where the devices' shares would not be
    equal; else the first ones are repeated."""
    partial_update: bool = True
    """Whether an epoch's last micro-batches make an update where they are fewer than ``accumulate``."""


class Tally(NamedTuple):
    """What has been counted. Micro-batches are those of each device, samples those of all devices."""

    updates: int = 0
    micro_batches: int = 0
    """Read, each device's own."""
    samples: int = 0
    """In updates; a repeated one counts each time."""
    repeated: int = 0
    """In updates once more, since the sampler gave them twice, for equal shares."""
    dropped_by_sampler: int = 0
    dropped_by_loader: int = 0
    """Of the data set; a repetition that is left out is no loss."""
    unused_micro_batches: int = 0
    """Read, but of an accumulation that made no update."""
    unused_samples: int = 0
    """Of the data set, in those micro-batches."""

    def plus(self, other: Tally, times: int = 1) -> Tally:
        """This and ``times`` the other."""
        return Tally(*(ours + times * theirs for ours, theirs in zip(self, other, strict=True)))

    @property
    def dropped(self) -> int:
        """Samples of the data set that no update has seen in their epoch."""
        return self.dropped_by_sampler + self.dropped_by_loader + self.unused_samples


def epoch_of(samples: int, plan: DevicePlan, loading: Loading) -> Tally:
    """What so many samples, an epoch or the rest of one, give.

    >>> epoch_of(1_281_167, DevicePlan(32, devices=8), Loading(drop_last=True))[:4]
    (5004, 5004, 1281024, 0)
    """
    per_device, devices, accumulate = plan
    share, uneven = divmod(samples, devices)
    padded = bool(uneven) and not loading.sampler_drop_last
    share += padded
    micro_batches, rest = divmod(share, per_device)
    dropped = rest if loading.drop_last else 0
    micro_batches += bool(rest) and not loading.drop_last
    updates, unused = divmod(micro_batches, accumulate)
    if loading.partial_update:
        updates, unused = updates + bool(unused), 0
    read = (share - dropped) * devices
    used = min(share - dropped, (micro_batches - unused) * per_device) * devices
    # The devices take turns at the samples, repetitions last: what is left out or unused is so from the end.
    own = samples if padded else share * devices
    return Tally(
        updates=updates,
        micro_batches=micro_batches,
        samples=used,
        repeated=max(0, used - own),
        dropped_by_sampler=0 if padded else uneven,
        dropped_by_loader=max(0, own - read),
        unused_micro_batches=unused,
        unused_samples=min(own, read) - min(own, used),
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the run in which the same is repeated: epochs, or updates. ``times`` None: for ever."""

    plan: DevicePlan
    before: Tally
    each: Tally
    times: int | None
    epochs_before: Fraction = Fraction(0)
    epochs_per_update: Fraction = Fraction(0)

    def at(self, updates: int) -> Tally:
        """The tally after so many updates of the run, which lie in this stretch."""
        whole, more = self._parts(updates)
        full = Tally(1, self.plan.accumulate, self.plan.size)  # only an epoch's last update can be less
        return self.before.plus(self.each, whole).plus(full, more)

    def samples_at(self, updates: int) -> int:
        """The samples of that tally alone, which is faster."""
        whole, more = self._parts(updates)
        return self.before.samples + whole * self.each.samples + more * self.plan.size

    def epochs_at(self, updates: int) -> Fraction:
        """The epochs after so many updates: within a stretch, each update is the same share of one."""
        return self.epochs_before + self.epochs_per_update * (updates - self.before.updates)

    def _parts(self, updates: int) -> tuple[int, int]:
        """Whole repetitions, and the updates after them."""
        if not self.each.updates:
            return 1, 0
        return divmod(updates - self.before.updates, self.each.updates)


class _Epochs(NamedTuple):
    """Epochs of the same number of updates: one, or one after another."""

    updates_before: int
    updates: int


class Timeline:
    """The whole run, phase by phase: ``begin`` one, and ``end`` it before the next; the last has no end."""

    def __init__(self, dataset_size: int | None = None, loading: Loading | None = None) -> None:
        """``dataset_size`` in samples; None: data without end, and no epochs."""
        self.dataset_size = dataset_size
        self.loading = loading or Loading()
        self.stretches: list[Stretch] = []
        self._epochs: list[_Epochs] = []
        self._now = Tally()
        self._left = dataset_size or 0
        self._reached = Fraction(0)
        self._epoch_began = 0
        self._phase_began = (0, 0)

    def begin(self, plan: DevicePlan) -> None:
        """From here on, each update is made so. Raises ValueError where an epoch would have no update."""
        self._phase_began = (len(self.stretches), len(self._epochs))
        if self.dataset_size is None:
            full = Tally(1, plan.accumulate, plan.size)
            self.stretches.append(Stretch(plan, self._now, full, None))
            return
        whole = epoch_of(self.dataset_size, plan, self.loading)
        if not whole.updates:
            raise ValueError(
                f"an epoch of {self.dataset_size:,} samples has no update of {plan.size:,}: all are dropped"
            )
        now, reached = self._now, self._reached
        if self._left < self.dataset_size:
            # The share that was reached stays, so that an amount is the same update under both plans.
            rest = epoch_of(self._left, plan, self.loading)
            per_update = (1 - reached % 1) / rest.updates if rest.updates else Fraction(0)
            self.stretches.append(Stretch(plan, now, rest, 1, reached, per_update))
            now, reached = now.plus(rest), Fraction(floor(reached) + 1)
            self._epochs.append(_Epochs(self._epoch_began, now.updates - self._epoch_began))
        self.stretches.append(Stretch(plan, now, whole, None, reached, Fraction(1, whole.updates)))
        self._epochs.append(_Epochs(now.updates, whole.updates))

    def end(self, until: int) -> None:
        """The phase lasts through update ``until``; what its last epoch leaves over ends with it."""
        stretch, epochs = self._phase_began
        opened = self.stretches[stretch:]
        del self.stretches[stretch:], self._epochs[epochs:]
        for one in opened:
            room = until - self._now.updates
            if room > 0:
                self._take(one, room)

    def _take(self, stretch: Stretch, room: int) -> None:
        """As much of a stretch as there is room for, in updates."""
        updates = stretch.each.updates
        whole = room // updates if updates else 1
        whole = whole if stretch.times is None else min(whole, stretch.times)
        if whole:
            self.stretches.append(replace(stretch, before=self._now, times=whole))
            self._now = self._now.plus(stretch.each, whole)
            if self.dataset_size is not None:
                of_each = self._now.updates - self._epoch_began if stretch.times else updates
                self._epochs.append(_Epochs(self._epoch_began, of_each))
                self._reached = Fraction(floor(self._reached) + whole)
                self._epoch_began = self._now.updates
                self._left = self.dataset_size
        rest = room - whole * updates
        if rest > 0 and whole != stretch.times:
            full = Tally(1, stretch.plan.accumulate, stretch.plan.size)
            per_update = stretch.epochs_per_update
            self.stretches.append(Stretch(stretch.plan, self._now, full, rest, self._reached, per_update))
            self._now = self._now.plus(full, rest)
            self._reached += rest * per_update
            self._left -= rest * stretch.plan.size

    def at(self, updates: int) -> Tally:
        """What has been counted after so many updates, with what an epoch that ends there leaves over."""
        return self._stretch(updates).at(updates)

    def samples_at(self, updates: int) -> int:
        """The samples that have been in so many updates."""
        return self._stretch(updates).samples_at(updates)

    def _stretch(self, updates: int) -> Stretch:
        found = bisect_right(self.stretches, updates, key=lambda one: one.before.updates)
        return self.stretches[found - 1]

    def epochs_at(self, updates: int) -> Fraction:
        """The epochs after so many updates: within one, the share of its updates.

        Where the plan changes within an epoch, what has been reached is the share of the updates that the
        epoch would have had, and what is left of it goes to the updates that are made of the rest.
        """
        return self._stretch(updates).epochs_at(updates)

    def updates_per_epoch(self, until: int) -> set[int]:
        """The numbers of updates that epochs have which begin before update ``until`` has been made."""
        return {one.updates for one in self._epochs if one.updates_before < until}
