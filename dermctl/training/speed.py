"""What makes a step faster or smaller without changing what it computes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dermctl.errors import ConfigError, in_a_line
from dermctl.progress import Progress
from dermctl.training.hardware import Hardware


def speed_up(
    encoder: nn.Module,
    hardware: Hardware,
    *,
    compiled: str = "auto",
    gradient_checkpointing: bool = False,
    progress: Progress,
) -> bool:
    """Prepare an encoder in place; its weights and their names stay as they are.

    On a GPU, convolutional encoders get the memory layout that tensor cores read (channels last);
    attention is timm's, through ``scaled_dot_product_attention``.

    Args:
        encoder: a timm model.
        hardware: what it will run on.
        compiled: ``auto`` (on a GPU where it works), ``on`` or ``off``: torch.compile.
        gradient_checkpointing: compute activations twice rather than keep them.
        progress: where it is said that it does not.

    Returns:
        Whether the encoder is compiled; what else can be then is to be too.

    Raises:
        ConfigError: the encoder has no gradient checkpointing, or not there: ``check_replay``.
    """
    if gradient_checkpointing:
        check_replay(encoder, hardware, "--gradient-checkpointing")
        _checkpoint_gradients(encoder)
    if hardware.accelerator == "cuda" and is_convolutional(encoder):
        encoder.to(memory_format=torch.channels_last)
    shall_compile = _shall_compile(compiled, hardware, progress)
    if shall_compile:
        encoder.compile()
    return shall_compile


def check_replay(encoder: nn.Module, hardware: Hardware, where: str) -> None:
    """Refuse to compute activations twice where chance would not fall the same the second time.

    torch.utils.checkpoint keeps the state of CUDA's generators, and not of an Apple GPU's: what is
    dropped would differ, and the gradient be wrong.

    Args:
        encoder: in training it may drop activations or whole layers at random.
        hardware: what it runs on.
        where: the flag that asks for it.

    Raises:
        ConfigError: an encoder that draws at random, on an Apple GPU.
    """
    if hardware.accelerator != "mps":
        return
    if any(_chance(part) > 0 for part in encoder.modules()):
        raise ConfigError(
            f"{type(encoder).__name__} drops activations at random, and an Apple GPU would not "
            "drop the same ones again",
            where=where,
            hint="Leave it out, or take --accelerator cpu, or an encoder without dropout",
        )


def _chance(part: nn.Module) -> float:
    """At which a layer drops something: torch's Dropout, timm's DropPath and PatchDropout."""
    names = ("p",) if isinstance(part, _DropoutNd) else ("drop_prob", "prob")
    return max(float(getattr(part, name, None) or 0.0) for name in names)


def is_convolutional(encoder: nn.Module) -> bool:
    """Whether convolutions do the work: a ViT has one, which cuts the patches."""
    return sum(isinstance(part, nn.Conv2d) for part in encoder.modules()) > 1


def fault_of_compiler(device: str) -> str | None:
    """What keeps torch.compile from working here, found out by a small trial; None: nothing.

    It needs more than a compiler: Triton or OpenMP, and Python's headers.
    """
    try:
        torch.compile(_doubled)(torch.ones(8, device=device))
    except Exception as error:  # whatever keeps a compiler or a driver from it
        return in_a_line(error)
    return None


def _doubled(values: torch.Tensor) -> torch.Tensor:
    return values + values


def _shall_compile(asked: str, hardware: Hardware, progress: Progress) -> bool:
    if asked == "off" or (asked == "auto" and hardware.accelerator != "cuda"):
        return False
    fault = fault_of_compiler(hardware.accelerator)
    if fault is not None:
        progress.say(f"not compiled: it fails here ({fault}); --compile off says no more of it")
    return fault is None


def _checkpoint_gradients(encoder: nn.Module) -> None:
    switch = getattr(encoder, "set_grad_checkpointing", None)
    try:
        if switch is None:
            raise AssertionError
        switch(True)
    except AssertionError as error:
        raise ConfigError(
            f"{type(encoder).__name__} has no gradient checkpointing",
            where="gradient_checkpointing",
            hint="Leave --gradient-checkpointing out, or take a smaller --batch-size",
        ) from error
