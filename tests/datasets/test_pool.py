from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from dermctl.datasets.pool import clean_context, ordered_map
from dermctl.errors import DataError, DermctlError
from tests.datasets.pool_functions import die_at, die_beside_a_deaf_one, fail_at, square
from tests.scripts import run_script

reads_proc = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="reads /proc")


def test_one_worker_is_this_process():
    for workers in (0, 1):
        results = list(ordered_map(square, range(5), workers))
        assert results == [(n * n, os.getpid()) for n in range(5)]


def test_several_workers_give_results_in_order_and_draw_items_only_as_these_are_taken():
    drawn = []

    def items():
        for number in range(10_000):
            drawn.append(number)
            yield number

    results = ordered_map(square, items(), 2, chunk=4)
    first = [next(results) for _ in range(60)]
    assert [value for value, _ in first] == [n * n for n in range(60)]
    processes = {process for _, process in first}
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert len(drawn) <= 60 + 3 * 2 * 4 + 4
    results.close()
    assert len(drawn) < 100


def test_no_items_are_no_results():
    assert list(ordered_map(square, [], 2)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_arrives_whole_and_in_its_place(workers):
    results = ordered_map(partial(fail_at, 17), range(100), workers, chunk=1)
    assert [next(results) for _ in range(17)] == list(range(17))
    with pytest.raises(DataError, match="a bad row") as caught:
        next(results)
    assert (caught.value.where, caught.value.hint) == ("row 17", "Mend it")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_worker_is_an_error_that_says_so():
    with pytest.raises(DermctlError, match=r"killed.*--workers 1"):
        list(ordered_map(partial(die_at, 9), range(100), 2, chunk=2))


@reads_proc
def test_a_killed_worker_leaves_none_that_does_not_hear(tmp_path):
    with pytest.raises(DermctlError, match="a worker process was killed"):
        list(ordered_map(partial(die_beside_a_deaf_one, tmp_path), range(22), 2, chunk=1))
    assert wait_until_gone({int((tmp_path / "deaf").read_text())}) == set()


def handler_of_ctrl_c(pipe) -> None:
    pipe.send(signal.getsignal(signal.SIGINT))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no fork server")
def test_ctrl_c_is_the_commands_from_the_first_moment_of_a_process():
    """Also while it is only starting, before what it runs could say so."""
    before = signal.getsignal(signal.SIGINT)
    here, there = multiprocessing.Pipe()
    process = clean_context().Process(target=handler_of_ctrl_c, args=(there,))
    process.start()
    assert here.recv() == signal.SIG_IGN
    process.join()
    assert signal.getsignal(signal.SIGINT) is before


INTERRUPTED = """
import os, sys, time
from dermctl.datasets.pool import ordered_map

def slow(number):
    time.sleep(0.05)
    return os.getpid()

if __name__ == "__main__":
    try:
        for worker in ordered_map(slow, range(10_000), 2, chunk=1):
            print(worker, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def start_script(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    running = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        # A shell's background jobs ignore Ctrl-C, and hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    workers = {int(running.stdout.readline()) for _ in range(8)}
    return running, workers


def wait_until_gone(processes: set[int], seconds: float = 60) -> set[int]:
    deadline = time.monotonic() + seconds
    while processes and time.monotonic() < deadline:
        processes = {pid for pid in processes if alive(pid)}
        time.sleep(0.02)
    return processes


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"  # a zombie is gone


@reads_proc
def test_ctrl_c_ends_it_all_without_a_traceback(tmp_path):
    running, workers = start_script(tmp_path)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert out.splitlines()[-1] == "interrupted"
    assert err == ""
    assert wait_until_gone(workers) == set()


@reads_proc
def test_no_worker_outlives_a_killed_parent(tmp_path):
    running, workers = start_script(tmp_path)
    running.kill()
    running.communicate(timeout=120)
    assert wait_until_gone(workers) == set()


SIGNALLED = """
import os, signal
from multiprocessing import forkserver, resource_tracker
from dermctl.datasets.pool import clean_context

def helpers():
    forkserver.ensure_running()
    resource_tracker.ensure_running()
    return forkserver._forkserver._forkserver_pid, resource_tracker._resource_tracker._pid

if __name__ == "__main__":
    context = clean_context()
    before = helpers()
    for pid in before:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            os.kill(pid, number)
    child = context.Process(target=abs, args=(1,))
    child.start()
    child.join()
    print(child.exitcode, helpers() == before, signal.getsignal(signal.SIGTERM).name)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork server")
def test_a_signal_to_the_group_leaves_the_server_of_workers_alive(tmp_path):
    done = run_script(tmp_path, SIGNALLED)
    assert (done.stdout.split(), done.stderr) == (["0", "True", "SIG_DFL"], "")
