"""What every process runs in ``test_two_processes``: a step of a method, under DDP over gloo.

Also the truth: the same step in one process with all images.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.methods.objective import OWN_LOSS, build_objective
from dermctl.models.heads import Projector
from tests.methods.made import OPTIMIZER, about, pictures, tiny_encoder

IMAGES = 8
GROUPS = torch.tensor([0, 1, 0, 2, 3, 1, 4, 5])
CASES = [
    *((method, None, micro_batch) for method in OWN_LOSS for micro_batch in (0, 2)),
    ("simclr", "MultiSimilarityLoss", 0),
    ("supcon", "TripletMarginLoss(margin=0.2)", 0),
]
"""(method, loss, micro-batch)."""


class Step(nn.Module):
    """A training step as the forward pass that DDP wants."""

    def __init__(self, module: JointEmbedding) -> None:
        super().__init__()
        self.module = module
        self.logged: list[float] = []
        module.log = lambda name, value, **_: self.logged.append(float(value.detach()))  # type: ignore[method-assign]

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return self.module.training_step(batch, 0)


def step(case: tuple[str, str | None, int], part: slice, *, ddp: bool) -> tuple[float, Tensor]:
    """The logged loss on some images, and the gradient by all parameters of the module."""
    method, loss, micro_batch = case
    objective = build_objective(method, loss, temperature=0.2)
    torch.manual_seed(0)
    module = JointEmbedding(
        tiny_encoder(), Projector(6, 8, 4), objective.loss, about(),
        labelled=objective.labelled, micro_batch=micro_batch, **OPTIMIZER,
    )  # fmt: skip
    batch = {"views": pictures(2, IMAGES)[:, part]}
    if objective.labelled:
        batch["labels"] = GROUPS[part]
    elif objective.takes_groups:
        batch["groups"] = GROUPS[part]
    run = Step(module)
    wrapped = DistributedDataParallel(run) if ddp else run
    wrapped(batch).backward()
    return run.logged[0], torch.cat([p.grad.flatten() for p in module.parameters()])


def process(rank: int, folder: str) -> None:
    """Run every case as one of two processes, and leave what came out in ``folder``."""
    torch.set_num_threads(1)
    meeting = (Path(folder) / "meeting").as_uri()
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    part = slice(rank, None, 2)  # as the sampler shares a batch out
    torch.save([step(case, part, ddp=True) for case in CASES], Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()
