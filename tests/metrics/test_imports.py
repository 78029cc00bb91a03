from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dermctl.metrics

HEAVY = {"torch", "pandas", "sklearn", "matplotlib"}


def test_metrics_start_without_heavy_packages():
    folder = Path(dermctl.metrics.__file__).parent
    modules = [f"dermctl.metrics.{path.stem}" for path in folder.glob("[a-z]*.py")]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=folder.parent.parent,
    )  # fmt: skip
    loaded = done.stdout.split()
    assert "dermctl.metrics.summary" in loaded
    assert HEAVY.isdisjoint(loaded)
