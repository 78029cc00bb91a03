"""What makes a step faster leaves weights, their names and gradients as they are."""

from __future__ import annotations

import shutil

import pytest
import timm
import torch
from torch import nn
from torch._inductor import config as inductor
from torch._inductor.utils import fresh_cache

from dermctl.errors import ConfigError
from dermctl.training import Hardware, speed, speed_up
from tests.told import Told

CPU = Hardware("cpu", 1, 1, "fp32")
GPU = Hardware("cuda", 1, 1, "bf16")


def encoder(name: str = "test_vit") -> nn.Module:
    torch.manual_seed(0)
    built: nn.Module = timm.create_model(name, num_classes=0)
    return built


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that torch.compile works, on whatever device."""
    monkeypatch.setattr(speed, "fault_of_compiler", lambda device: None)


def is_compiled(model: nn.Module) -> bool:
    return model._compiled_call_impl is not None


@pytest.mark.parametrize(
    ("asked", "hardware", "wanted"),
    [
        ("off", CPU, False),
        ("off", GPU, False),
        ("auto", CPU, False),
        ("auto", GPU, True),
        ("on", CPU, True),
        ("on", GPU, True),
    ],
)
@pytest.mark.usefixtures("works")
def test_what_is_compiled(asked: str, hardware: Hardware, wanted: bool) -> None:
    model, told = encoder(), Told()
    names = list(model.state_dict())
    assert speed_up(model, hardware, compiled=asked, progress=told) == wanted
    assert is_compiled(model) == wanted
    assert list(model.state_dict()) == names
    assert told.said == []


def test_a_compiler_that_is_missing_is_said() -> None:
    torch._dynamo.reset()
    model, told = encoder(), Told()
    with fresh_cache(), inductor.patch({"cpp.cxx": (None, "no-such-compiler")}):
        assert not speed_up(model, CPU, compiled="on", progress=told)
    assert not is_compiled(model)
    assert len(told.said) == 1
    assert told.said[0].startswith("not compiled: it fails here (InductorError: InvalidCxx")
    assert "no-such-compiler" in told.said[0]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_a_compiler_that_works_is_found_to() -> None:
    assert speed.fault_of_compiler("cpu") is None


def test_convolutions_on_a_gpu_lie_channels_last() -> None:
    for hardware, name, wanted in ((GPU, "resnet18", True), (CPU, "resnet18", False)):
        model = encoder(name)
        speed_up(model, hardware, compiled="off", progress=Told())
        weight = model.get_parameter("layer1.0.conv1.weight")
        assert weight.is_contiguous(memory_format=torch.channels_last) == wanted
    assert speed.is_convolutional(encoder("resnet18"))
    assert not speed.is_convolutional(encoder("test_vit"))


def test_gradient_checkpointing_changes_no_gradient() -> None:
    gradients = []
    images = torch.rand(2, 3, 160, 160, generator=torch.Generator().manual_seed(1))
    for checkpointing in (False, True):
        model = encoder()
        speed_up(model, CPU, gradient_checkpointing=checkpointing, progress=Told())
        assert model.grad_checkpointing == checkpointing
        model(images).square().mean().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


@pytest.mark.parametrize(
    ("change", "drops"),
    [
        ({}, False),
        ({"drop_path_rate": 0.1}, True),
        ({"proj_drop_rate": 0.1}, True),
        ({"patch_drop_rate": 0.1}, True),
    ],
)
def test_an_apple_gpu_replays_nothing_that_is_drawn(change: dict[str, float], drops: bool) -> None:
    model = timm.create_model("test_vit", num_classes=0, **change)
    for hardware in (CPU, GPU):
        speed_up(model, hardware, compiled="off", gradient_checkpointing=True, progress=Told())
    apple = Hardware("mps", 1, 1, "fp32")
    if not drops:
        speed_up(model, apple, gradient_checkpointing=True, progress=Told())
        return
    with pytest.raises(ConfigError, match="VisionTransformer drops activations") as caught:
        speed_up(model, apple, gradient_checkpointing=True, progress=Told())
    assert "--gradient-checkpointing" in str(caught.value)
    with pytest.raises(ConfigError, match="--micro-batch-size"):
        speed.check_replay(model, apple, "--micro-batch-size")


def test_an_encoder_without_gradient_checkpointing() -> None:
    with pytest.raises(ConfigError, match="Linear has no gradient checkpointing") as caught:
        speed_up(nn.Linear(2, 2), CPU, gradient_checkpointing=True, progress=Told())
    assert "--batch-size" in str(caught.value)
