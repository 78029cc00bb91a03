"""What ``--dry-run`` of a training shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermctl.cli.output import Output

if TYPE_CHECKING:  # imports torch
    from dermctl.training import DryRun

_GIB = 2**30


def show_dry_run(output: Output, found: DryRun, *, json: bool) -> None:
    """Parameters, memory, speed, and the time that the whole would take."""
    if json:
        output.document(found.to_json())
        return
    output.heading("Dry run: all is well, nothing was written")
    output.facts(
        {
            "parameters": f"{found.parameters / 1e6:.1f} M",
            "memory": f"{found.memory_bytes / _GIB:.1f} GiB at most ({found.hardware})",
            "speed": f"{found.images_per_second:,.0f} images/s, over a few steps",
            "whole training": f"{found.steps:,} steps, about {readable_time(found.seconds)}, "
            "validation aside",
        }
    )


def readable_time(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h 20 min`` or ``2 d 5 h``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
