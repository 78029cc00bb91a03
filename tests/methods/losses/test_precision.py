"""Full precision inside a loss, and the surroundings' settings afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch

from dermctl.methods.losses.precision import full_precision, working_dtype

PRODUCTS = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)


def product_settings() -> list[str]:
    return [product.fp32_precision for product in PRODUCTS]


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    before = product_settings()
    yield
    for product, setting in zip(PRODUCTS, before, strict=True):
        product.fp32_precision = setting


@pytest.mark.parametrize(
    ("precision", "outside"), [("high", ["tf32", "tf32"]), ("medium", ["tf32", "bf16"])]
)
def test_reduced_products_are_off_inside_and_restored(precision: str, outside: list[str]) -> None:
    torch.set_float32_matmul_precision(precision)
    assert product_settings() == outside
    with contextlib.suppress(KeyError), full_precision(torch.device("cpu")):
        assert product_settings() == ["ieee", "ieee"]
        raise KeyError
    assert product_settings() == outside
    assert torch.get_float32_matmul_precision() == precision


def test_autocast_is_off_inside_and_on_again() -> None:
    a = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with full_precision(torch.device("cpu")):
            assert (a @ a).dtype == torch.float32
        assert (a @ a).dtype == torch.bfloat16


def test_only_float64_is_kept() -> None:
    half, single, double = (
        torch.zeros(1, dtype=t) for t in (torch.half, torch.float32, torch.float64)
    )
    assert working_dtype(half, half) == torch.float32
    assert working_dtype(half, single) == torch.float32
    assert working_dtype(single, double) == torch.float64
