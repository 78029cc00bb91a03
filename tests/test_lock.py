"""One process at a time, also where one of them is killed or removes the file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dermctl import lock
from dermctl.errors import DataError
from dermctl.lock import only_one
from dermctl.runs import held, in_use

HOLD = """
import sys, time
from pathlib import Path
from dermctl.lock import only_one
with only_one(Path(sys.argv[1]), "", ""):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_and_the_file_is_gone_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "lock"
    with only_one(file, "busy", "wait"):
        with pytest.raises(DataError) as caught, only_one(file, "busy", "wait"):
            pass
        assert (caught.value.what, caught.value.hint) == ("busy", "wait")
        assert file.exists()
    assert list(file.parent.iterdir()) == []
    with only_one(file, "busy", "wait"):
        pass


def test_it_is_let_go_of_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_one(tmp_path / "lock", "busy", "wait"):
        raise ZeroDivisionError
    with only_one(tmp_path / "lock", "busy", "wait"):
        pass


def test_it_may_be_removed_while_it_is_held(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with only_one(file, "busy", "wait"):
        file.unlink()
    with only_one(file, "busy", "wait"):
        assert file.exists()


def fail_to_lock(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the system say this of every lock."""

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock.fcntl, "flock", flock)


@pytest.mark.parametrize("number", [errno.EIO, errno.EBADF])
def test_other_faults_of_a_lock_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_to_lock(monkeypatch, number)
    with pytest.raises(OSError, match=os.strerror(number)), only_one(tmp_path / "lock", "", ""):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_to_lock(monkeypatch, number)
    with only_one(tmp_path / "lock", "busy", "wait"), held(tmp_path / "run"):
        assert in_use(tmp_path / "run") is None
    assert not (tmp_path / "lock").exists()


def test_where_open_files_cannot_be_removed_it_is_closed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def unlink(path: Path, missing_ok: bool = False) -> None:
        assert missing_ok
        if any(not file.closed for file in opened):
            raise PermissionError(13, "in use", str(path))
        remove(path)

    plain, remove = Path.open, Path.unlink
    monkeypatch.setattr(lock, "_REMOVES_OPEN_FILES", False)
    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(
        Path, "open", lambda path, mode: opened.append(plain(path, mode)) or opened[-1]
    )
    with only_one(tmp_path / "lock", "busy", "wait"):
        assert (tmp_path / "lock").exists()
    assert not (tmp_path / "lock").exists()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(DataError), only_one(file, "busy", "wait"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with only_one(file, "busy", "wait"):
        pass
    assert not file.exists()
