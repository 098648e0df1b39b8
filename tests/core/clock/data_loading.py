"""A training loop over torch's own loaders, without a model: what it reads, and what its updates see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch.utils.data import DataLoader, Dataset, DistributedSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrsched_cli.core.clock.timeline import DevicePlan, Loading

    Phase = tuple[DevicePlan, int | None]
    MicroBatch = tuple[list[int], ...]


class Numbers(Dataset[int]):
    """The samples from one to the last of a data set, each its own number."""

    def __init__(self, first: int, end: int) -> None:
        self.samples = range(first, end)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> int:
        return self.samples[index]


@dataclass
class Run:
    """``samples[u]`` have been in updates after ``u`` of them; ``ends[e]`` updates after ``e`` epochs.

    Epoch by epoch: micro-batches read on each device, samples that no update has seen, and those that
    updates have seen once more.
    """

    samples: list[int] = field(default_factory=lambda: [0])
    ends: list[int] = field(default_factory=lambda: [0])
    read: list[int] = field(default_factory=list)
    unseen: list[int] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)


def train(dataset_size: int, phases: Sequence[Phase], loading: Loading, epochs: int) -> Run:
    """Run the loop; each phase is what an update is made of, and its last update."""
    run = Run()
    for _ in range(epochs):
        plan = plan_of(phases, len(run.samples))
        batches = micro_batches(Numbers(0, dataset_size), plan, loading)
        seen: set[int] = set()
        read = 0
        while batches:
            taken, batches = batches[: plan.accumulate], batches[plan.accumulate :]
            read += len(taken)
            if len(taken) == plan.accumulate or loading.partial_update:
                together = [sample for devices in taken for one in devices for sample in one]
                run.samples.append(run.samples[-1] + len(together))
                seen.update(together)
            if not loading.partial_update and len(batches) < plan.accumulate:
                read += len(batches)
                break
            before, plan = plan, plan_of(phases, len(run.samples))
            if batches and plan != before:
                assert seen == set(range(len(seen))), "unshuffled, they come in order"
                batches = micro_batches(Numbers(len(seen), dataset_size), plan, loading)
        run.twice.append(run.samples[-1] - run.samples[run.ends[-1]] - len(seen))
        run.ends.append(len(run.samples) - 1)
        run.read.append(read)
        run.unseen.append(dataset_size - len(seen))
    return run


def micro_batches(data: Numbers, plan: DevicePlan, loading: Loading) -> list[MicroBatch]:
    """What all devices read together, micro-batch by micro-batch."""
    loaders = []
    for rank in range(plan.devices):
        share: DistributedSampler[int] | None = None
        if plan.devices > 1:
            share = DistributedSampler(
                data, plan.devices, rank, shuffle=False, drop_last=loading.sampler_drop_last
            )
        loaders.append(
            DataLoader(data, plan.per_device, sampler=share, drop_last=loading.drop_last, collate_fn=list)
        )
    return list(zip(*loaders, strict=True))


def plan_of(phases: Sequence[Phase], update: int) -> DevicePlan:
    """What an update is made of."""
    return next(plan for plan, until in phases if until is None or update <= until)
