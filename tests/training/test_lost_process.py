"""Lightning's watcher of other processes ends this one only once it has been said why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.scripts import run_script

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes end otherwise there")

WATCHED = """
import os, subprocess, sys, time
from lightning_fabric.strategies.launchers.subprocess_script import _ChildProcessObserver
from dermctl.training import lost_process

lost_process._SECONDS_TO_SAY = 0.1
other = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
watcher = _ChildProcessObserver(os.getpid(), [other], 1)
"""
LOST = """
def say():
    print("one is lost", flush=True)
    raise BrokenPipeError("and nobody reads it")

with lost_process.said_before_the_end(say):
    watcher.start()
    time.sleep(60)
    print("it went on")
"""
SAID_ITSELF = """
try:
    with lost_process.said_before_the_end(lambda: print("said again")):
        watcher.start()
        raise ValueError
except ValueError:
    watcher.join()
    print("the error is told")
"""


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [(LOST, 1, "one is lost"), (SAID_ITSELF, 0, "the error is told")],
    ids=["it cannot be told", "the training tells it"],
)
def test_a_lost_process(tmp_path: Path, script: str, code: int, said: str) -> None:
    done = run_script(tmp_path, WATCHED + script, check=False)
    assert (done.returncode, done.stdout) == (code, f"{said}\n"), done.stderr
