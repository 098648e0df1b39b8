"""What a data loader gives a training run: samples, micro-batches and updates, counted without a loop.

All arithmetic is that of whole numbers. An epoch is read as PyTorch does it: ``DistributedSampler`` deals
the samples to the devices, ``DataLoader`` cuts each device's share into micro-batches. So many of those as
the batch plan says make an update. Where the plan changes in the middle of an epoch, what is left of the
epoch is dealt and cut anew.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
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
    """Samples that the sampler gave twice, for equal shares."""
    dropped_by_sampler: int = 0
    dropped_by_loader: int = 0
    unused_micro_batches: int = 0
    """Read, but of an accumulation that made no update."""
    unused_samples: int = 0

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
    (5004, 5004, 1281024, 1)
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
    used = min(share - dropped, (micro_batches - unused) * per_device) * devices
    return Tally(
        updates=updates,
        micro_batches=micro_batches,
        samples=used,
        repeated=devices - uneven if padded else 0,
        dropped_by_sampler=0 if padded else uneven,
        dropped_by_loader=dropped * devices,
        unused_micro_batches=unused,
        unused_samples=(share - dropped) * devices - used,
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the run in which the same is repeated: epochs, or updates. ``times`` None: for ever."""

    plan: DevicePlan
    before: Tally
    each: Tally
    times: int | None

    def at(self, updates: int) -> Tally:
        """The tally after so many updates of the run, which lie in this stretch."""
        whole, more = self._parts(updates)
        full = Tally(1, self.plan.accumulate, self.plan.size)  # only an epoch's last update can be less
        return self.before.plus(self.each, whole).plus(full, more)

    def samples_at(self, updates: int) -> int:
        """The samples of that tally alone, which is faster."""
        whole, more = self._parts(updates)
        return self.before.samples + whole * self.each.samples + more * self.plan.size

    def _parts(self, updates: int) -> tuple[int, int]:
        """Whole repetitions, and the updates after them."""
        if not self.each.updates:
            return 1, 0
        return divmod(updates - self.before.updates, self.each.updates)


class _Epochs(NamedTuple):
    """Epochs of the same number of updates; ``times`` None: for ever."""

    updates_before: int
    epochs_before: int
    updates: int
    times: int | None


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
        self._epoch = 0
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
        now, epoch = self._now, self._epoch
        if self._left < self.dataset_size:
            rest = epoch_of(self._left, plan, self.loading)
            self.stretches.append(Stretch(plan, now, rest, 1))
            now = now.plus(rest)
            self._epochs.append(_Epochs(self._epoch_began, epoch, now.updates - self._epoch_began, 1))
            epoch += 1
        self.stretches.append(Stretch(plan, now, whole, None))
        self._epochs.append(_Epochs(now.updates, epoch, whole.updates, None))

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
            self.stretches.append(Stretch(stretch.plan, self._now, stretch.each, whole))
            self._now = self._now.plus(stretch.each, whole)
            if self.dataset_size is not None:
                of_each = self._now.updates - self._epoch_began if stretch.times else updates
                self._epochs.append(_Epochs(self._epoch_began, self._epoch, of_each, whole))
                self._epoch, self._epoch_began = self._epoch + whole, self._now.updates
                self._left = self.dataset_size
        rest = room - whole * updates
        if rest > 0 and whole != stretch.times:
            full = Tally(1, stretch.plan.accumulate, stretch.plan.size)
            self.stretches.append(Stretch(stretch.plan, self._now, full, rest))
            self._now = self._now.plus(full, rest)
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
        """The epochs after so many updates: within one, the share of its updates."""
        found = bisect_right(self._epochs, updates, key=lambda one: one.updates_before)
        epochs = self._epochs[found - 1]
        return epochs.epochs_before + Fraction(updates - epochs.updates_before, epochs.updates)

    def updates_per_epoch(self, until: int) -> set[int]:
        """The numbers of updates that epochs have which begin before update ``until`` has been made."""
        return {one.updates for one in self._epochs if one.updates_before < until}
