"""``export onnx``: one file with preprocessing and classes inside, verified against PyTorch."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnxruntime.capi import onnxruntime_pybind11_state
from torch import nn

from dermctl import __version__
from dermctl.checkpoint import Checkpoint, Description, read_checkpoint
from dermctl.core.evaluate import newest_classifier
from dermctl.core.metadata import metadata_names, metadata_width
from dermctl.errors import ExportError
from dermctl.exposure import Exposure
from dermctl.files import replacing
from dermctl.models.restore import restore_classifier
from dermctl.progress import SILENT, Progress
from dermctl.run_folder import run_of
from dermctl.views.normalization import to_float
from dermctl.workspace import Workspace

OPSET = 18
TOLERANCE = 1e-4
"""Greatest difference between ONNX Runtime and PyTorch that is let through, in a probability."""
_CHECK_BATCHES = (1, 2, 5)
_LONGEST_WHY = 200
"""Letters of the exporter's reason that are shown."""
_RUNTIME_ERRORS = tuple(
    getattr(onnxruntime_pybind11_state, name)
    for name in ("Fail", "InvalidArgument", "InvalidGraph", "NotImplemented", "RuntimeException")
)


@dataclass(frozen=True)
class Exported:
    """What came of it."""

    file: Path
    checkpoint: Path
    size_bytes: int
    max_difference: float
    classes: tuple[str, ...]
    image_size: int
    exposure: Exposure
    leaks: tuple[str, ...]
    metadata: tuple[str, ...] = ()  # columns that it takes beside the image, encoded
    metadata_width: int = 0  # numbers an image that they are encoded in

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "file": str(self.file),
            "checkpoint": str(self.checkpoint),
            "size_bytes": self.size_bytes,
            "max_difference": self.max_difference,
            "tolerance": TOLERANCE,
            "classes": list(self.classes),
            "image_size": self.image_size,
            "metadata": list(self.metadata),
            "exposure": self.exposure.to_json(),
            "leaks": list(self.leaks),
        }


class Deployed(nn.Module):
    """Pixels to probabilities: uint8 [B, S, S, 3] -> float32 [B, C], normalisation inside.

    A model that fuses metadata takes them, encoded, as a second input [B, M].
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: nn.Module, about: Description) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(about.mean))
        self.register_buffer("std", torch.tensor(about.std))

    def forward(self, images: torch.Tensor, metadata: torch.Tensor | None = None) -> torch.Tensor:
        """[B, S, S, 3] uint8 -> [B, C] rows that sum to 1."""
        beside = () if metadata is None else (metadata,)
        logits: torch.Tensor = self.model(to_float(images, self.mean, self.std), *beside)
        return logits.softmax(1)


def export_onnx(
    workspace: Workspace,
    checkpoint: Path | None = None,
    *,
    out: Path | None = None,
    progress: Progress = SILENT,
) -> Exported:
    """Export a fine-tuned model and check the file against PyTorch before it gets its name.

    Raises:
        CheckpointError: no checkpoint, or one without a classifier.
        ExportError: the model cannot be written as ONNX or run from it, or its probabilities differ
            by more than ``TOLERANCE``.
    """
    read = read_checkpoint(checkpoint or newest_classifier(workspace, progress))
    model = Deployed(restore_classifier(read), read.about).eval()
    place = out or _default_file(read.path)
    with replacing(place) as temporary, progress.task("export and check", 2, unit="steps") as task:
        with _said_in_a_line(read):
            _write(model, read, temporary)
            task.advance()
            difference = max_difference(model, temporary, read.about)
        task.advance()
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the exported file differs from PyTorch by {difference:.2g}, more than "
                f"{TOLERANCE:g}; it was not kept",
                where=place,
            )
        size = temporary.stat().st_size
    return Exported(
        file=place,
        checkpoint=read.path,
        size_bytes=size,
        max_difference=difference,
        classes=read.about.classes,
        image_size=read.about.image_size,
        exposure=read.exposure,
        leaks=read.about.leaks,
        metadata=metadata_names(read.about),
        metadata_width=metadata_width(read.about),
    )


def _default_file(checkpoint: Path) -> Path:
    run = run_of(checkpoint)
    return run / "export" / "model.onnx" if run else checkpoint.with_suffix(".onnx")


@contextmanager
def _said_in_a_line(read: Checkpoint) -> Iterator[None]:
    """Say which model it is that PyTorch's exporter or ONNX Runtime has no way for, and why."""
    try:
        yield
    except (
        torch.onnx.OnnxExporterError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        *_RUNTIME_ERRORS,
    ) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # the exporter's own words are pages of advice
            cause = cause.__cause__
        why = next((line.strip() for line in str(cause).splitlines() if line.strip()), "")
        raise ExportError(
            f"{read.about.encoder} cannot be exported to ONNX: "
            f"{type(cause).__name__}: {why[:_LONGEST_WHY].rstrip('.')}",
            where=read.path,
            hint="Use the checkpoint itself, or fine-tune another encoder; the whole report of the "
            "exporter is shown with: dermctl --debug export onnx",
        ) from error


def _write(model: nn.Module, read: Checkpoint, path: Path) -> None:
    inputs = _inputs(read.about, 2, np.random.default_rng(0))
    batch = {0: torch.export.Dim("batch", min=1)}
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            tuple(map(torch.from_numpy, inputs.values())),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=["probabilities"],
            dynamic_shapes=dict.fromkeys(inputs, batch),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    document = program.model_proto
    _forget_sources(document)
    onnx.helper.set_model_props(document, _facts(read))
    document.producer_name, document.producer_version = "dermctl", __version__
    document.doc_string = "Research use only; not a medical device."
    onnx.checker.check_model(document, full_check=True)
    onnx.save_model(document, path)


def _forget_sources(document: onnx.ModelProto) -> None:
    """Nodes carry the absolute paths of the source files they came from: drop them."""
    for graph in (document.graph, *document.functions):
        for node in graph.node:
            del node.metadata_props[:]
            node.doc_string = ""


def _facts(read: Checkpoint) -> dict[str, str]:
    """What a deployment needs beside the graph, as JSON values under plain names."""
    about = read.about
    return {
        "classes": json.dumps(list(about.classes)),
        "image_size": str(about.image_size),
        "preprocessing": json.dumps(
            {
                "packed_short_side": about.store_size,
                "crop_pct": about.crop_pct,
                "interpolation": about.interpolation,
                "crop_mode": about.crop_mode,
                "input": "uint8 RGB, [batch, height, width, 3]; normalisation is in the graph",
                "mean": list(about.mean),
                "std": list(about.std),
            }
        ),
        **({"metadata": json.dumps(about.head["metadata"])} if metadata_width(about) else {}),
        "encoder": about.encoder,
        "label": about.label or "",
        "trained_on": json.dumps(list(about.datasets)),
        "synthetic": json.dumps(about.synthetic),
        "exposure": json.dumps(read.exposure.to_json()),
        "leaks": json.dumps(list(about.leaks), ensure_ascii=False),
        "intended_use": "research use only, not a medical device",
    }


def _inputs(
    about: Description, batch: int, generator: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """What the exported model takes, drawn: ``images``, and ``metadata`` where it fuses them."""
    side = about.image_size
    drawn: dict[str, npt.NDArray[Any]] = {
        "images": generator.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    }
    if width := metadata_width(about):
        drawn["metadata"] = generator.normal(size=(batch, width)).astype(np.float32)
    return drawn


def max_difference(model: nn.Module, path: Path, about: Description) -> float:
    """Greatest absolute difference of probabilities over several batch sizes of seeded inputs."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    worst = 0.0
    for batch in _CHECK_BATCHES:
        inputs = _inputs(about, batch, generator)
        (given,) = session.run(["probabilities"], inputs)
        with torch.inference_mode():
            wanted = model(*map(torch.from_numpy, inputs.values())).numpy()
        difference = float(np.abs(given - wanted).max())
        if not np.isfinite(difference):
            return float("inf")
        worst = max(worst, difference)
    return worst


def read_export(path: Path) -> dict[str, str]:
    """The facts that an exported file carries."""
    document = onnx.load(path, load_external_data=False)
    return {prop.key: prop.value for prop in document.metadata_props}
