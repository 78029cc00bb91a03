"""Sessions of work on dermctl: ``nox -l`` lists them, ``nox -s NAME -- ARGS`` runs one.

All of them run in the environment that nox itself is installed in (CONTRIBUTING.md sets it up with
one line): torch and its company take 5.8 GB, once is enough.
"""

import os
import sys

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "none"

PYTHON = sys.executable
PROCESSES = str(min(4, os.cpu_count() or 1))
"""That share the tests out, a file each: a process with torch takes 1.5 GB."""
BENCHMARKS = (
    "input_path",
    "train_step",
    "gpu_step",
    "big_table",
    "losses",
    "bootstrap",
    "prepare",
    "grouping",
    "near_duplicates",
)


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite with coverage, without what is slow; under 15 minutes on 2 cores."""
    session.run(PYTHON, "-m", "coverage", "erase")
    session.run(
        PYTHON, "-m", "pytest", "-m", "not slow", "-n", PROCESSES, "--dist", "loadfile",
        "--no-loadscope-reorder",
        "--cov", "--cov-report=term", *session.posargs,
    )  # fmt: skip


@nox.session
def slow(session: nox.Session) -> None:
    """What takes minutes: the demo and other whole paths, several processes, kills."""
    session.run(PYTHON, "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff (rules and format) and the layers cli → core → parts."""
    session.run(PYTHON, "-m", "ruff", "check", ".")
    session.run(PYTHON, "-m", "ruff", "format", "--check", ".")
    session.run(PYTHON, "-c", "from importlinter.cli import lint_imports_command as run; run()")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, over the package."""
    session.run(PYTHON, "-m", "mypy")


@nox.session
def demo(session: nox.Session) -> None:
    """The five-minute tour, in a folder of its own."""
    session.run(PYTHON, "-m", "dermctl", "demo", "--to", session.create_tmp(), *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """The checks that need a CUDA device; they skip, and say so, where there is none."""
    session.run(PYTHON, "-m", "pytest", "-m", "gpu", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks: all of them, or the ones named (``nox -s bench -- losses``).

    Those that need HAM10000 and hours are started by hand: ``pretraining``,
    ``augmentation_ablation``.
    """
    session.run(PYTHON, "-m", "pip", "install", "-q", "-e", ".[bench]")
    for name in session.posargs or BENCHMARKS:
        session.run(PYTHON, "-m", f"tests.benchmarks.{name}")
