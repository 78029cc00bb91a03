"""``dermctl export …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.options import JSON, CheckpointFile, example, unpack
from dermctl.cli.output import RESEARCH_USE

app = typer.Typer(no_args_is_help=True, help="Models for elsewhere, verified.")


@app.callback()
def export() -> None:
    """Models for elsewhere, verified."""


@app.command(
    "onnx",
    epilog=example(
        "dermctl export onnx", "dermctl export onnx runs/x/checkpoints/best.ckpt --out model.onnx"
    ),
)
def onnx(
    ctx: typer.Context,
    checkpoint: CheckpointFile = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The file.")] = None,
    json: JSON = False,
) -> None:
    """One ONNX file, preprocessing and classes inside, checked against PyTorch."""
    from dermctl.core.export import TOLERANCE, export_onnx

    workspace, output, progress = unpack(ctx, json=json)
    exported = export_onnx(workspace, checkpoint, out=out, progress=progress)
    if json:
        output.document(exported.to_json())
        return
    output.heading("Exported")
    output.facts(
        {
            "file": exported.file,
            "size": f"{exported.size_bytes / 1e6:.1f} MB",
            "input": f"images: uint8 RGB [batch, {exported.image_size}, {exported.image_size}, 3]",
            **(
                {
                    "metadata": f"metadata: float32 [batch, {exported.metadata_width}] "
                    f"({', '.join(exported.metadata)}, encoded as the file's metadata say)"
                }
                if exported.metadata
                else {}
            ),
            "output": f"probabilities: float32 [batch, {len(exported.classes)}] "
            f"({', '.join(exported.classes[:8])}{', …' if exported.classes[8:] else ''})",
            "checked": f"differs from PyTorch by at most {exported.max_difference:.1e} "
            f"(limit {TOLERANCE:g})",
            "exposure": exported.exposure,
        }
    )
    for leak in exported.leaks:
        output.say(f"warning: --allow-leak was given in training: {leak}")
    output.line(RESEARCH_USE, style="dim")
