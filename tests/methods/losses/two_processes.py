"""What every process runs in ``test_distributed``: real DDP over gloo, a tiny encoder.

Also the truth: the same cases in one process with all images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dermctl.errors import DermctlError
from dermctl.methods.losses.registry import build_loss, build_two_view_loss

IMAGES = 10
FEATURES = 6
EVEN, UNEVEN, LOPSIDED = (5, 5), (7, 3), (9, 1)


@dataclass(frozen=True)
class Case:
    """One loss on one division of the images; ``labels`` are groups or classes.

    ``masked``: beside the classes there are groups.
    """

    loss: str
    counts: tuple[int, int]
    parameters: dict[str, float] = field(default_factory=dict)
    labels: bool = False
    two_views: bool = True
    masked: bool = False

    def __str__(self) -> str:
        given = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        kind = "" if self.two_views else " of labels"
        kind += " with groups" * (self.labels + self.masked)
        return f"{self.loss}({given}){kind} {self.counts}"


CASES = [
    *(Case("nt_xent", counts) for counts in (EVEN, UNEVEN, LOPSIDED)),
    Case("nt_xent", UNEVEN, {"temperature": 0.01}),
    Case("nt_xent", UNEVEN, {"chunk": 3}),
    Case("nt_xent", UNEVEN, {"chunk": 3, "temperature": 0.01}, labels=True),
    Case("nt_xent", EVEN, labels=True),
    Case("supcon", UNEVEN, labels=True, two_views=False),
    Case("supcon", UNEVEN, labels=True, two_views=False, masked=True),
    Case("supcon", UNEVEN),
    Case("TripletMarginLoss", UNEVEN, labels=True, two_views=False),
    Case("MultiSimilarityLoss", EVEN),
    *(Case(loss, counts) for loss in ("vicreg", "barlow_twins") for counts in (EVEN, UNEVEN)),
]


def encoder() -> nn.Module:
    """The same weights in every process."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, 4))


def images() -> tuple[Tensor, Tensor, Tensor]:
    """All images: two views [IMAGES, FEATURES] and groups [IMAGES]."""
    generator = torch.Generator().manual_seed(5)
    view0 = torch.randn(IMAGES, FEATURES, generator=generator)
    view1 = view0 + torch.randn(IMAGES, FEATURES, generator=generator)
    return view0, view1, torch.tensor([0, 1, 2, 0, 3, 2, 1, 0, 3, 3])


def step(case: Case, model: nn.Module, part: slice) -> tuple[float, Tensor]:
    """The loss on some images, and the gradient by all of the model's parameters."""
    view0, view1, labels = (values[part] for values in images())
    z0, z1 = model(torch.cat([view0, view1])).chunk(2)
    if not case.two_views:
        known = [labels, labels % 2] if case.masked else [labels]
        value = build_loss(case.loss, **case.parameters)(
            torch.cat([z0, z1]), *(each.repeat(2) for each in known)
        )
    else:
        loss = build_two_view_loss(case.loss, **case.parameters)
        value = loss(z0, z1, groups=labels) if case.labels else loss(z0, z1)
    value.backward()
    return value.item(), torch.cat([p.grad.flatten() for p in model.parameters()])


def process(rank: int, folder: str) -> None:
    """Run every case as one of two processes, and leave what came out in ``folder``."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=(Path(folder) / "meeting").as_uri(), rank=rank, world_size=2
    )
    results = {}
    for case in CASES:
        start = sum(case.counts[:rank])
        part = slice(start, start + case.counts[rank])
        results[str(case)] = step(case, DistributedDataParallel(encoder()), part)
    results["alone"] = step(
        Case("nt_xent", EVEN, {"gather": False}), encoder(), slice(5 * rank, 5 * rank + 5)
    )
    results["drawn"] = drawn(rank)
    results["complaint"] = complaint(rank)
    torch.save(results, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def drawn(rank: int) -> float:
    """A loss over triplets drawn at random, from another seed in each process."""
    torch.manual_seed(rank)
    loss = build_two_view_loss("TripletMarginLoss", margin=2.0, triplets_per_anchor=2)
    part = slice(5 * rank, 5 * rank + 5)
    view0, view1, _ = (values[part] for values in images())
    return float(loss(view0, view1))


def complaint(rank: int) -> str:
    """What a process says to projections of another width in the other process."""
    z = torch.ones(4, 3 + rank)
    try:
        build_loss("nt_xent")(z, z)
    except DermctlError as error:
        return str(error)
    return ""
