"""Programs of a few lines in a process of their own: what they leave behind cannot touch a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def run_script(folder: Path, text: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``text`` as a file in ``folder``, with the package and its tests to import from."""
    script = folder / "script.py"
    script.write_text(text)
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=check,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
