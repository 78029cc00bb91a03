"""A batch part by part: the same loss and gradient as at once, dropout and all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from dermctl.methods.in_parts import batch_norms, embed_in_parts
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.models.encoder import build_encoder
from dermctl.models.heads import Projector

IMAGES = 7


def model(dtype: torch.dtype, *, drop: float = 0.0) -> tuple[nn.Module, nn.Module]:
    """A small ViT and a projector with batch norm: it must see the whole batch."""
    torch.manual_seed(0)
    encoder = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, depth=2, embed_dim=32, num_heads=2, num_classes=0,
        drop_path_rate=drop, proj_drop_rate=drop, attn_drop_rate=drop,
    )  # fmt: skip
    head = nn.Sequential(Projector(32, 16, 8), nn.BatchNorm1d(8))
    return encoder.to(dtype).train(), head.to(dtype).train()


def images(dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2 * IMAGES, 3, 32, 32, generator=generator).to(dtype)


def step(
    embed_all: Callable[[nn.Module, Tensor], Tensor], dtype: torch.dtype, *, drop: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Loss, and the gradient by all parameters."""
    encoder, head = model(dtype, drop=drop)
    torch.manual_seed(2)
    loss = NTXentLoss(temperature=0.2)(*head(embed_all(encoder, images(dtype))).chunk(2))
    loss.backward()
    return loss.detach(), torch.cat(
        [p.grad.flatten() for part in (encoder, head) for p in part.parameters()]
    )


def in_parts(rows: int) -> Callable[[nn.Module, Tensor], Tensor]:
    return lambda encoder, x: embed_in_parts(encoder, x, rows, encoder=encoder)


@pytest.mark.parametrize("rows", [4, 100])
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_the_gradient_is_the_large_batchs(rows: int, dtype: torch.dtype, limit: float) -> None:
    loss, gradient = step(lambda encoder, x: encoder(x), dtype)
    value, ours = step(in_parts(rows), dtype)
    assert abs(value - loss) < limit * abs(loss)
    assert (ours - gradient).norm() < limit * gradient.norm()


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_dropout_and_drop_path_are_replayed(dtype: torch.dtype, limit: float) -> None:
    """The truth keeps everything in memory: the same parts, in the same order, one graph."""

    def kept(encoder: nn.Module, x: Tensor) -> Tensor:
        return torch.cat([encoder(part) for part in x.split(4)])

    loss, gradient = step(kept, dtype, drop=0.3)
    value, ours = step(in_parts(4), dtype, drop=0.3)
    assert abs(value - loss) < limit * abs(loss)
    assert (ours - gradient).norm() < limit * gradient.norm()
    _, without = step(kept, dtype)
    assert (without - gradient).norm() > 0.1 * gradient.norm(), "dropout must matter here"


def test_no_more_than_one_part_is_in_the_encoder_at_once() -> None:
    encoder, _ = model(torch.float32)
    seen: list[int] = []
    encoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    embedded = embed_in_parts(encoder, images(torch.float32), 4, encoder=encoder)
    assert seen == [4, 4, 4, 2]
    embedded.sum().backward()
    assert sorted(seen) == [2, 2, *[4] * 6], "each part once more"


def saved_bytes(run: Callable[[Tensor], Tensor]) -> int:
    """What autograd keeps between the forward and the backward pass, beside the images."""
    x = images(torch.float32)
    held: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run(x)
    held.pop(x.untyped_storage().data_ptr(), None)
    return sum(held.values())


def test_what_is_kept_does_not_grow_with_the_encoder() -> None:
    encoder, _ = model(torch.float32)
    whole = saved_bytes(encoder)
    parts = saved_bytes(lambda x: embed_in_parts(encoder, x, 2, encoder=encoder))
    assert parts < 0.1 * whole


def test_without_gradient_nothing_is_done_twice() -> None:
    encoder, _ = model(torch.float32)
    calls: list[int] = []
    encoder.register_forward_hook(lambda _, given, __: calls.append(len(given[0])))
    with torch.no_grad():
        embedded = embed_in_parts(encoder, images(torch.float32), 4, encoder=encoder)
        assert torch.allclose(embedded, encoder(images(torch.float32)), atol=1e-5)
    assert calls == [4, 4, 4, 2, 14]


def test_autocast_holds_in_both_passes() -> None:
    encoder, _ = model(torch.float32)
    seen: list[torch.dtype] = []
    encoder.blocks[0].mlp.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        embedded = embed_in_parts(encoder, images(torch.float32), 7, encoder=encoder)
    embedded.float().sum().backward()
    assert seen == [torch.bfloat16] * 4


def test_running_statistics_move_once() -> None:
    x = torch.rand(6, 3, 32, 32)

    def statistics(run: Callable[[nn.Module], Any]) -> Tensor:
        torch.manual_seed(0)
        encoder = build_encoder("resnet10t", 32).train()
        run(encoder)
        return torch.cat([b.flatten() for n, b in encoder.named_buffers() if "running" in n])

    once = statistics(lambda encoder: [encoder(part) for part in x.split(3)])
    twice = statistics(
        lambda encoder: embed_in_parts(encoder, x, 3, encoder=encoder).sum().backward()
    )
    assert torch.equal(once, twice)


def test_batch_norms_are_found_in_whatever_form_timm_has_them() -> None:
    assert batch_norms(build_encoder("resnet18", 32))
    assert batch_norms(build_encoder("efficientnet_lite0", 32))
    assert not batch_norms(build_encoder("vit_tiny_patch16_224", 32))
    assert not batch_norms(build_encoder("convnext_atto", 32))
