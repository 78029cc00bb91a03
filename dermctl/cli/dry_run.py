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
            "would do": found.what,
            "parameters": f"{_count(found.parameters)} trained",
            "memory": f"{found.memory_bytes / _GIB:.1f} GiB at most ({found.hardware})",
            "speed": f"{found.images_per_second:,.0f} images/s, over a few batches",
            "whole training": _whole(found),
        }
    )


def _whole(found: DryRun) -> str:
    time = readable_time(found.seconds)
    if found.steps:
        takes = f"{found.steps:,} steps, about {time}, validation aside"
    else:
        takes = f"about {time} for the embeddings; the fit comes on top"
    return takes if found.trainings == 1 else f"{takes}: {found.trainings} trainings in all"


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M" if parameters >= 1e5 else f"{parameters:,}"


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
