"""What makes a step faster leaves weights, their names and gradients as they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from torch import nn

from dermctl.errors import ConfigError
from dermctl.training import Hardware, speed, speed_up
from tests.told import Told

CPU = Hardware("cpu", 1, 1, "fp32")
GPU = Hardware("cuda", 1, 1, "bf16")
COMPILERS = {CPU: "c++", GPU: "cc"}


def encoder(name: str = "test_vit") -> nn.Module:
    torch.manual_seed(0)
    built: nn.Module = timm.create_model(name, num_classes=0)
    return built


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend that these programs are there, and Triton or not."""

    def pretend(*programs: str, triton: bool = True) -> None:
        which = {program: f"/bin/{program}" for program in programs}
        monkeypatch.setattr(speed, "shutil", SimpleNamespace(which=which.get))
        spec = object() if triton else None
        util = SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: spec))
        monkeypatch.setattr(speed, "importlib", util)

    return pretend


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
def test_what_is_compiled(tools: Any, asked: str, hardware: Hardware, wanted: bool) -> None:
    tools(COMPILERS[hardware])
    model, told = encoder(), Told()
    names = list(model.state_dict())
    assert speed_up(model, hardware, compiled=asked, progress=told) == wanted
    assert is_compiled(model) == wanted
    assert list(model.state_dict()) == names
    assert told.said == []


@pytest.mark.parametrize(
    ("hardware", "programs", "triton", "missing"),
    [
        (CPU, ("cc",), True, "a C++ compiler"),
        (GPU, ("c++",), True, "a C compiler"),
        (GPU, ("cc",), False, "Triton"),
    ],
)
def test_what_is_missing_is_said(
    tools: Any, hardware: Hardware, programs: tuple[str, ...], triton: bool, missing: str
) -> None:
    tools(*programs, triton=triton)
    model, told = encoder(), Told()
    assert not speed_up(model, hardware, compiled="on", progress=told)
    assert not is_compiled(model)
    assert len(told.said) == 1
    assert f"{missing} is missing" in told.said[0]


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


def test_an_encoder_without_gradient_checkpointing() -> None:
    with pytest.raises(ConfigError, match="Linear has no gradient checkpointing") as caught:
        speed_up(nn.Linear(2, 2), CPU, gradient_checkpointing=True, progress=Told())
    assert "--batch-size" in str(caught.value)
