"""NT-Xent against SimCLR's algorithm 1, a dense float64 softmax and pytorch-metric-learning."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.errors import ConfigError, TrainingError
from dermctl.methods.losses.kernels.softmax_sums import log_one_plus_exp
from dermctl.methods.losses.kernels.tiles import chunk_for
from dermctl.methods.losses.nt_xent import NTXentLoss
from tests.benchmarks.losses import peak_bytes
from tests.methods.losses import slow
from tests.methods.losses.slow import distance, views, with_gradients

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
# On both sides of 0.02, where the running maximum begins.
TEMPERATURES = [1.0, 0.1, 0.03, 0.02, 0.0199, 0.01]


def dense(z0: torch.Tensor, z1: torch.Tensor, temperature: float) -> torch.Tensor:
    z = torch.nn.functional.normalize(torch.cat([z0, z1]).double(), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(z)).roll(len(z0)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_value_and_gradient_are_those_of_algorithm_1(
    temperature: float, dtype: torch.dtype
) -> None:
    z0, z1 = views(7, 5, dtype=dtype)
    value, gradient = with_gradients(NTXentLoss(temperature), z0, z1)
    expected, expected_gradient = with_gradients(
        slow.nt_xent, z0.double(), z1.double(), temperature=temperature
    )
    assert value.dtype == gradient.dtype == dtype
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.1, 0.01])
@pytest.mark.parametrize("chunk", [7, 64, 100, 128, None])
def test_any_tiles_give_the_dense_loss(
    chunk: int | None, temperature: float, dtype: torch.dtype
) -> None:
    # 2N = 128: tiles that divide it, that do not, one tile, kept tiles and tiles made again.
    z0, z1 = views(64, 16, dtype=dtype)
    value, gradient = with_gradients(NTXentLoss(temperature, chunk=chunk), z0, z1)
    expected, expected_gradient = with_gradients(
        dense, z0.double(), z1.double(), temperature=temperature
    )
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize("temperature", [0.1, 0.01])
@pytest.mark.parametrize("chunk", [512, None])
def test_a_large_batch_gives_the_dense_loss(chunk: int | None, temperature: float) -> None:
    # 2N = 1300: with chunk = 512 too many tiles to keep.
    z0, z1 = views(650, 128, dtype=torch.float32)
    value, gradient = with_gradients(NTXentLoss(temperature, chunk=chunk), z0, z1)
    expected, expected_gradient = with_gradients(
        dense, z0.double(), z1.double(), temperature=temperature
    )
    assert distance(value, expected) < 1e-5
    assert distance(gradient, expected_gradient) < 1e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("peer", "images"),
    [
        ("NTXentLoss", 64),
        pytest.param("NTXentLoss", 256, marks=pytest.mark.slow),  # takes 2 GiB and seconds
        ("SupConLoss", 512),
    ],
)
def test_equals_pytorch_metric_learning(peer: str, images: int, dtype: torch.dtype) -> None:
    from pytorch_metric_learning import losses

    z0, z1 = views(images, 128, dtype=dtype)
    reference = losses.SelfSupervisedLoss(getattr(losses, peer)(temperature=0.1))
    value, gradient = with_gradients(NTXentLoss(0.1), z0, z1)
    expected, expected_gradient = with_gradients(reference, z0, z1)
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize("chunk", [1, 3, None])
@pytest.mark.parametrize("temperature", [0.1, 0.01])
def test_images_of_one_group_are_no_negatives(temperature: float, chunk: int | None) -> None:
    z0, z1 = views(8, 5)
    groups = [4, 9, 4, 7, 9, 4, -1, 2**40]
    loss = NTXentLoss(temperature, chunk=chunk)
    value, gradient = with_gradients(loss, z0, z1, groups=torch.tensor(groups))
    expected, expected_gradient = with_gradients(
        slow.nt_xent, z0, z1, temperature=temperature, groups=groups
    )
    assert distance(value, expected) < 1e-10
    assert distance(gradient, expected_gradient) < 1e-10


@pytest.mark.parametrize("temperature", [0.1, 0.01])
def test_one_group_of_all_images_leaves_nothing_to_learn(temperature: float) -> None:
    z0, z1 = views(5, 4)
    value, gradient = with_gradients(
        NTXentLoss(temperature), z0, z1, groups=torch.zeros(5, dtype=torch.long)
    )
    assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("temperature", [0.1, 0.02, 0.013])
def test_loss_stays_accurate_where_the_positive_dominates(temperature: float) -> None:
    # Orthogonal images, equal views: every row's loss is log(1 + (2N - 2) exp(-1 / T)).
    n = 4
    z = 5 * torch.eye(n, dtype=torch.float64)
    exact = math.log1p((2 * n - 2) * math.exp(-1 / temperature))
    assert NTXentLoss(temperature)(z, z).item() == pytest.approx(exact, rel=1e-10, abs=0)
    single = NTXentLoss(temperature)(z.float(), z.float()).item()
    assert single == pytest.approx(exact, rel=1e-5, abs=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("temperature", [0.1, 0.01])
def test_half_inputs_are_computed_in_float32(temperature: float, dtype: torch.dtype) -> None:
    z0, z1 = views(20, 16, dtype=dtype)
    value, gradient = with_gradients(NTXentLoss(temperature), z0, z1)
    expected, expected_gradient = with_gradients(NTXentLoss(temperature), z0.float(), z1.float())
    assert value.dtype == torch.float32
    assert value == expected
    assert gradient.dtype == dtype
    assert torch.equal(gradient, expected_gradient.to(dtype))


@pytest.mark.parametrize("chunk", [8, None])
def test_autocast_changes_nothing(chunk: int | None) -> None:
    z0, z1 = views(20, 16, dtype=torch.float32)
    loss = NTXentLoss(0.1, chunk=chunk)
    expected, expected_gradient = with_gradients(loss, z0, z1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, gradient = with_gradients(loss, z0, z1)
    assert value == expected
    assert torch.equal(gradient, expected_gradient)


@pytest.mark.parametrize("chunk", [3, None])
@pytest.mark.parametrize("temperature", [0.5, 0.015])
def test_gradient_is_that_of_finite_differences(temperature: float, chunk: int | None) -> None:
    z0, z1 = (z.requires_grad_() for z in views(4, 3))
    loss = NTXentLoss(temperature, chunk=chunk)
    assert torch.autograd.gradcheck(loss, (z0, z1))
    assert torch.autograd.gradcheck(lambda z: loss(z, z1.detach()) * 3, (z0,))


def test_gradient_can_be_taken_twice() -> None:
    z0, z1 = (z.requires_grad_() for z in views(4, 3))
    value = NTXentLoss(0.1)(z0, z1)
    first = torch.autograd.grad(value, z0, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(value, z0)[0])


def test_a_second_derivative_is_refused() -> None:
    z0, z1 = (z.requires_grad_() for z in views(4, 3))
    value = NTXentLoss(0.1)(z0, z1).square()
    first = torch.autograd.grad(value, z0, create_graph=True)[0]
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


def test_log_of_one_plus_exp_is_accurate_for_any_exponent() -> None:
    exponents = [-math.inf, -700.0, -30.0, -1e-9, 0.0, 19.0, 21.0, 36.0, 39.9, 40.1, 200.0, 1e4]
    exact = [x if x > 300 else math.log1p(math.exp(x)) for x in exponents]
    double = log_one_plus_exp(torch.tensor(exponents, dtype=torch.float64))
    assert double.tolist() == pytest.approx(exact, rel=1e-14, abs=0)
    single = log_one_plus_exp(torch.tensor(exponents[2:]))
    assert single.tolist() == pytest.approx(exact[2:], rel=1e-6, abs=0)


@pytest.mark.parametrize("temperature", [0.1, 0.01])
@pytest.mark.parametrize("chunk", [3, None])
def test_equal_rows_give_the_loss_of_chance(temperature: float, chunk: int | None) -> None:
    z = torch.full((6, 4), 0.7)
    value, gradient = with_gradients(NTXentLoss(temperature, chunk=chunk), z, z)
    assert value.item() == pytest.approx(math.log(11), rel=1e-5)
    assert gradient.norm() < 1e-5 / temperature


@pytest.mark.parametrize("temperature", [0.1, 0.01])
def test_opposed_views_stay_finite(temperature: float) -> None:
    z, _ = views(6, 4, dtype=torch.float32)
    value, gradient = with_gradients(NTXentLoss(temperature), z, -z)
    assert value.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("temperature", [0.1, 0.01])
def test_zero_rows_are_at_right_angles_to_all_and_get_no_gradient(temperature: float) -> None:
    z0, z1 = views(6, 4)
    z0[2], z1[4] = 0, 0
    value, gradient = with_gradients(NTXentLoss(temperature), z0, z1)
    expected = dense(z0, z1, temperature)  # normalize() leaves zero rows at zero
    assert distance(value, expected) < 1e-10
    assert (gradient[[2, 6 + 4]] == 0).all()
    assert gradient.isfinite().all()
    assert gradient[0].norm() > 0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    images=st.integers(2, 12),
    chunk=st.sampled_from([2, 5, None]),
    temperature=st.sampled_from([1.0, 0.1, 0.012]),
)
def test_lengths_order_and_views_do_not_matter(
    seed: int, images: int, chunk: int | None, temperature: float
) -> None:
    z0, z1 = views(images, 6, seed=seed)
    loss = NTXentLoss(temperature, chunk=chunk)
    value, gradient = with_gradients(loss, z0, z1)
    along = (gradient * torch.cat([z0, z1])).sum(dim=1)
    lengths = torch.rand(images, 1, generator=torch.Generator().manual_seed(seed)).double() + 0.1
    order = torch.randperm(images, generator=torch.Generator().manual_seed(seed))
    same = [loss(z0 * lengths, z1), loss(z0[order], z1[order]), loss(z1, z0)]
    torch.testing.assert_close(torch.stack(same), value.expand(3), rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(along, torch.zeros_like(along), rtol=0, atol=1e-10)


def test_memory_grows_with_the_batch_and_not_with_its_square() -> None:
    loss = NTXentLoss(0.1, chunk=512)
    peaks = []
    for images in (1024, 2048):
        z0, z1 = (z.requires_grad_() for z in views(images, 32, dtype=torch.float32))
        peaks.append(peak_bytes(loss, (z0, z1)))
    assert peaks[1] < 1.5 * peaks[0]
    assert peaks[1] < (2 * 2048) ** 2 * 4 / 10


def test_tiles_are_chosen_by_device_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(threads: int, device: str) -> int:
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        return chunk_for(torch.device(device))

    assert chunk(1, "cpu") < chunk(2, "cpu") == chunk(16, "cpu") < chunk(16, "cuda")


@pytest.mark.parametrize("temperature", [0, -0.1, math.nan, math.inf, "warm"])
def test_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(ConfigError, match="temperature must be above 0") as caught:
        NTXentLoss(temperature)
    assert caught.value.where == "nt_xent"
    assert caught.value.hint


@pytest.mark.parametrize("chunk", [0, -1, 1.5])
def test_chunk_must_be_a_size(chunk: int) -> None:
    with pytest.raises(ConfigError, match="chunk must be a whole number"):
        NTXentLoss(chunk=chunk)


@pytest.mark.parametrize(
    ("z0", "z1", "complaint"),
    [
        (torch.zeros(4, 3), torch.zeros(5, 3), r"shape \[N, D\].*\[4, 3\] and \[5, 3\]"),
        (torch.zeros(4, 3), torch.zeros(4, 2), "shape"),
        (torch.zeros(4), torch.zeros(4), "shape"),
        (torch.zeros(4, 0), torch.zeros(4, 0), "shape"),
        (torch.zeros(4, 3, dtype=torch.long), torch.zeros(4, 3), "floating point"),
        (torch.zeros(1, 3), torch.zeros(1, 3), "no negatives"),
        (torch.zeros(0, 3), torch.zeros(0, 3), "no negatives"),
    ],
)
def test_unusable_projections_are_refused(
    z0: torch.Tensor, z1: torch.Tensor, complaint: str
) -> None:
    with pytest.raises(TrainingError, match=complaint) as caught:
        NTXentLoss()(z0, z1)
    assert caught.value.where == "nt_xent"
    assert caught.value.hint


def test_groups_must_be_one_an_image() -> None:
    with pytest.raises(TrainingError, match=r"groups must have shape \[4\]"):
        NTXentLoss()(torch.zeros(4, 3), torch.zeros(4, 3), groups=torch.zeros(8))
