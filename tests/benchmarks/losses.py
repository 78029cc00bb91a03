"""NT-Xent: time and peak memory against other implementations, forward and backward.

Losses take turns within each round, and a figure is the median of the rounds' ratios, so that
another load on the machine falls on both. Peak memory is what tensors hold at once beyond the
projections: on a CPU the running sum of the allocations that torch.profiler records, on CUDA
torch.cuda.max_memory_allocated. Operations started and bytes moved are counted, not timed, with
the tiles that an accelerator takes; they are the same on every machine, so only a run on the CPU
counts them.

    python -m tests.benchmarks.losses --sizes 4096 16384 --rounds 5 --json
    python -m tests.benchmarks.losses --device cuda --compile --check
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from dermctl.methods.losses.kernels.tiles import ACCELERATOR_CHUNK
from dermctl.methods.losses.nt_xent import NTXentLoss
from tests.benchmarks.operations import operations_of

TEMPERATURE = 0.1
SIZES = [16, 256, 512, 1024, 2048, 4096, 8192, 16384]
CUBIC_LIMIT = 512  # pytorch-metric-learning takes 2.2 GiB there, eight times that at twice the size
SQUARE_LIMIT = 4096  # up to which its SupCon loss, of the same value, stands for it
DENSE, COMPILED, PML = "dense", "dense, compiled", "pytorch-metric-learning"
LIGHTLY = "lightly"
COUNTED = (DENSE, LIGHTLY)

Loss = Callable[[Tensor, Tensor], Tensor]


def dense(z0: Tensor, z1: Tensor) -> Tensor:
    """The loss as anyone would write it: one softmax over the whole similarity matrix."""
    z = torch.nn.functional.normalize(torch.cat([z0, z1]), dim=1)
    logits = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    positives = torch.arange(len(z), device=z.device).roll(len(z0))
    return torch.nn.functional.cross_entropy(logits, positives)


def peers(size: int, *, compiled: bool = False) -> dict[str, Loss]:
    """Other implementations that can be run at 2N = ``size``, by name."""
    from pytorch_metric_learning.losses import NTXentLoss as Cubic
    from pytorch_metric_learning.losses import SelfSupervisedLoss, SupConLoss

    found: dict[str, Loss] = {DENSE: dense}
    if compiled:
        torch._dynamo.reset()  # all sizes are one function's, and few of its compilations are kept
        found[COMPILED] = torch.compile(dense, dynamic=False)
    try:
        from lightly.loss import NTXentLoss as Lightly
    except ImportError:
        print("lightly is not installed: left out")
    else:
        found[LIGHTLY] = Lightly(TEMPERATURE)
    if size <= CUBIC_LIMIT:
        found[PML] = SelfSupervisedLoss(Cubic(TEMPERATURE))
    elif size <= SQUARE_LIMIT:
        found[PML] = SelfSupervisedLoss(SupConLoss(TEMPERATURE))
    return found


def projections(size: int, dim: int, device: str) -> tuple[Tensor, Tensor]:
    """Two views [size / 2, dim] of the same images."""
    torch.manual_seed(size)
    z0 = torch.randn(size // 2, dim, device=device)
    z1 = z0 + torch.randn_like(z0)
    return z0.requires_grad_(), z1.requires_grad_()


def run(loss: Loss, views: tuple[Tensor, Tensor]) -> None:
    """Forward and backward."""
    for view in views:
        view.grad = None
    loss(*views).backward()


def seconds(loss: Loss, views: tuple[Tensor, Tensor], at_least: float = 0.05) -> float:
    """Mean time of one run over as many runs as ``at_least`` seconds hold."""
    on_cuda = views[0].is_cuda
    runs, start = 0, time.perf_counter()
    while True:
        run(loss, views)
        runs += 1
        if on_cuda:
            torch.cuda.synchronize()
        elapsed = time.perf_counter() - start
        if elapsed > at_least:
            return elapsed / runs


def peak_bytes(loss: Loss, views: tuple[Tensor, Tensor]) -> int:
    """The most that tensors hold at once during one run, beyond the projections."""
    if views[0].is_cuda:
        run(loss, views)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run(loss, views)
        return torch.cuda.max_memory_allocated() - before
    for view in views:
        view.grad = None
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        loss(*views).backward()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def errors(loss: Loss, views: tuple[Tensor, Tensor]) -> tuple[float, float]:
    """Relative errors of value and gradient against the dense form in float64."""
    exact = [view.detach().double().requires_grad_() for view in views]
    value = dense(*exact)
    value.backward()
    run(loss, views)
    gradient = torch.cat([view.grad for view in views])
    reference = torch.cat([view.grad for view in exact])
    off_by = (gradient - reference).norm() / reference.norm()
    return abs(loss(*views).item() / value.item() - 1), off_by.item()


def measure(size: int, args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Every figure at one 2N."""
    views = projections(size, args.dim, args.device)
    ours, others = (
        NTXentLoss(TEMPERATURE, chunk=args.chunk),
        peers(size, compiled=args.compile),
    )
    everyone: dict[str, Loss] = {"ours": ours, **others}
    memory = {name: peak_bytes(loss, views) for name, loss in everyone.items()}  # also warms up
    rounds = [
        {name: seconds(loss, views) for name, loss in everyone.items()} for _ in range(args.rounds)
    ]
    figures: dict[str, dict[str, object]] = {}
    for name in others:
        ratios = sorted(r[name] / r["ours"] for r in rounds)
        figures[f"nt_xent_speed_{size}_vs_{name}"] = {
            "ratio": statistics.median(ratios),
            "min": ratios[0],
            "max": ratios[-1],
            "ours": statistics.median(r["ours"] for r in rounds),
            "peer": statistics.median(r[name] for r in rounds),
            "unit": "s",
            "rounds": args.rounds,
        }
        figures[f"nt_xent_memory_{size}_vs_{name}"] = {
            "ratio": memory[name] / memory["ours"],
            "ours": memory["ours"] / 2**20,
            "peer": memory[name] / 2**20,
            "unit": "MiB",
            "rounds": 1,
        }
    return figures


def counts(size: int, dim: int) -> dict[str, dict[str, object]]:
    """Operations started and bytes moved, forward and backward, with an accelerator's tiles."""
    views = projections(size, dim, "cpu")
    others = {name: loss for name, loss in peers(size).items() if name in COUNTED}
    ours = operations_of(lambda: run(NTXentLoss(TEMPERATURE, chunk=ACCELERATOR_CHUNK), views))
    figures: dict[str, dict[str, object]] = {}
    for name, loss in others.items():
        theirs = operations_of(partial(run, loss, views))
        for what, unit, mine, peer in (
            ("operations", "operations", len(ours.names), len(theirs.names)),
            ("bytes", "MiB", ours.moved / 2**20, theirs.moved / 2**20),
        ):
            figures[f"nt_xent_{what}_{size}_vs_{name}"] = {
                "ratio": peer / mine,
                "ours": mine,
                "peer": peer,
                "unit": unit,
                "rounds": 1,
            }
    return figures


def show(figures: dict[str, dict[str, object]]) -> None:
    """One line a figure."""
    for name, f in figures.items():
        spread = f" [{f['min']:.2f}–{f['max']:.2f}]" if "min" in f else ""
        print(f"{name:48} {f['ratio']:8.2f}×{spread}  ours {f['ours']:.4g} peer {f['peer']:.4g} "
              f"{f['unit']}", flush=True)  # fmt: skip


def main() -> None:
    """Measure, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="2N, rows of both views"
    )
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--chunk", type=int, help="side of our tiles (default: by device)")
    parser.add_argument("--compile", action="store_true", help="also torch.compile(dense)")
    parser.add_argument("--check", action="store_true", help="also errors against float64")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    figures: dict[str, dict[str, object]] = {}
    for size in args.sizes:
        if args.check:
            value, gradient = errors(
                NTXentLoss(TEMPERATURE), projections(size, args.dim, args.device)
            )
            print(f"2N = {size}: relative error of value {value:.1e}, of gradient {gradient:.1e}")
        at_size = measure(size, args)
        if args.device == "cpu":  # they are the same everywhere, and take three passes there
            at_size |= counts(size, args.dim)
        show(at_size)
        figures |= at_size
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
