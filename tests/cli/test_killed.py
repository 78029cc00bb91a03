"""SIGKILL at random moments, and at every step: the folder ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from dermctl.core.data.download import DownloadRequest, download
from dermctl.workspace import Workspace
from tests.atlas import serve_atlas
from tests.conftest import ROOT
from tests.datasets.fetch.test_archives import zipped
from tests.made import class_folders, jpeg
from tests.server import Server

pytestmark = pytest.mark.slow

PAD = "/prod-dcd-datasets-cache-zipfiles.s3.eu-west-1.amazonaws.com/zr7vgbcyr2-1.zip"


def contents(folder: Path) -> dict[str, object]:
    """Every file, hidden ones too; a list of failures without the counts of tries."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if path.name == "failures.parquet":
            found[name] = pq.read_table(path).drop_columns(["tries"]).to_pylist()
        elif path.name == "dataset.json":
            document = json.loads(path.read_text())
            found[name] = {k: v for k, v in document.items() if k not in ("prepared_at", "folder")}
        elif path.name != "report.html":  # it shows when it was written
            found[name] = path.read_bytes()
    return found


def run(words: list[str], workspace: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dermctl", *words, "--workspace", str(workspace), "--quiet"]
    workspace.mkdir(exist_ok=True)
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def undisturbed(words: list[str], workspace: Path) -> float:
    """Let the command end; the seconds it took."""
    begun = time.monotonic()
    process = run(words, workspace)
    _, errors = process.communicate(timeout=120)
    assert b"Traceback" not in errors, errors.decode()
    return time.monotonic() - begun


def killed_when(due: Callable[[], bool], words: list[str], workspace: Path) -> bool:
    """Kill a command as soon as it is due; whether it was still at work."""
    process = run(words, workspace)
    while process.poll() is None and not due():
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_a_download_killed_at_random(site: Server, tmp_path: Path):
    serve_atlas(site, 160)
    for number in range(160):
        path = f"/atlas.example/{number}.jpg"
        steps = ["slow", "404", "html", "truncate"]
        site.script[path] = [steps[number % 9]] if number % 9 in (1, 2) else ["slow"]
        if number % 9 == 3:
            site.script[path] = ["truncate", "slow"]
    words = ["data", "download", "fitzpatrick", "--workers", "4"]
    undisturbed(words, tmp_path / "plain")
    random, workspace = Random(1), tmp_path / "killed"
    for _ in range(6):  # in the middle of the work, however fast the machine: by requests seen
        seen = site.requests.total() + random.randint(1, 22)
        assert killed_when(lambda seen=seen: site.requests.total() >= seen, words, workspace)
    undisturbed(words, workspace)
    plain, killed = (contents(tmp_path / name / "raw/fitzpatrick") for name in ("plain", "killed"))
    assert killed == plain
    assert len(plain) > 100
    assert not any(name.startswith(".partial") for name in plain)


def preparing(photos: Path) -> list[str]:
    """The words that prepare a folder of pictures over two processes."""
    words = ["data", "prepare", "folder", "--raw", str(photos), "--name", "clinic"]
    return [*words, "--workers", "2"]


def test_a_prepare_killed_at_random(site: Server, tmp_path: Path):
    photos = class_folders(tmp_path / "photos", {"nevus": 100, "melanoma": 100}, side=200)
    words = preparing(photos)
    seconds = undisturbed(words, tmp_path / "plain")
    assert (tmp_path / "plain/data/clinic/dataset.json").is_file()
    random, workspace, kills = Random(2), tmp_path / "killed", 0
    while kills < 5:
        end = time.monotonic() + random.uniform(0.2, 0.95) * seconds
        if killed_when(lambda end=end: time.monotonic() >= end, words, workspace):
            kills += 1
        else:
            seconds *= 0.8  # the machine has become faster since it was timed
    undisturbed(words, workspace)
    plain, killed = (contents(tmp_path / name / "data") for name in ("plain", "killed"))
    assert killed == plain
    assert not any("partial" in name or ".old" in name for name in killed)


def test_no_worker_outlives_a_prepare_that_is_killed(site: Server, tmp_path: Path):
    photos = class_folders(tmp_path / "photos", {"nevus": 150, "melanoma": 150}, side=200)
    words = preparing(photos)
    process = run(words, tmp_path / "workspace")
    everyone = 5  # the parent, its fork server and tracker, two workers
    deadline = time.monotonic() + 100
    while len(members(process.pid)) < everyone and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(members(process.pid)) >= everyone
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 100
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert members(process.pid) == []


def members(session: int) -> list[int]:
    """Processes of a session that are not dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


class Killer:
    """Ends the process without any clean-up before its n-th change of the file system."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0
        for name in ("replace", "unlink", "mkdir", "rmdir", "open"):
            setattr(Path, name, self.counting(getattr(Path, name)))

    def counting(self, original: Callable) -> Callable:
        def changed(path: Path, *words: object, **more: object) -> object:
            mode = str(words[0]) if words else str(more.get("mode", "r"))
            if original.__name__ != "open" or mode[0] in "wax":
                self.count += 1
                if self.count == self.at:
                    os._exit(9)
            return original(path, *words, **more)

        return changed


def forked(work: Callable[[], None]) -> int:
    """Run `work` in a copy of this process; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def pad_zip() -> bytes:
    table = "img_id,diagnostic,patient_id,lesion_id\nPAT_1_0.png,NEV,PAT_1,0\n"
    parts = {
        f"images/imgs_part_{part}.zip": zipped(
            {f"PAT_{part}_{n}.png": jpeg(10 * part + n) for n in range(2)}, zipfile.ZIP_STORED
        )
        for part in (1, 2)
    }
    return zipped({"metadata.csv": table.encode(), **parts})


def serve_search(site: Server) -> None:
    """Two pages of two records."""
    start = "/api.isic-archive.com/api/v2/images/search/?limit=100"
    for page in range(2):
        records = [
            {
                "isic_id": f"ISIC_{number}",
                "files": {"full": {"url": f"https://content.isic/{number}.jpg"}},
                "metadata": {"clinical": {"diagnosis_1": "Benign"}},
            }
            for number in (2 * page, 2 * page + 1)
        ]
        more = f"https:/{start}&cursor=1" if page == 0 else None
        answer = json.dumps({"next": more, "results": records}).encode()
        site.files[start if page == 0 else f"{start}&cursor=1"] = answer
    for number in range(3):  # the fourth is not there
        site.files[f"/content.isic/{number}.jpg"] = jpeg(number)


@pytest.mark.parametrize("source", ["padufes", "fitzpatrick", "isic"])
def test_a_download_killed_at_every_step(site: Server, tmp_path: Path, source: str):
    """Each change of the file system in turn is the last; then it runs undisturbed."""
    site.files[PAD] = pad_zip()
    serve_atlas(site, 3)
    site.script["/atlas.example/1.jpg"] = ["404"]
    serve_search(site)

    def fill(folder: Path) -> None:
        download(Workspace(tmp_path), DownloadRequest(source, to=folder, workers=1))

    fill(tmp_path / "plain")
    plain = contents(tmp_path / "plain")
    assert len(plain) >= 5
    steps = 0
    while True:
        folder = tmp_path / "killed"
        steps += 1

        def until_killed(folder: Path = folder, at: int = steps) -> None:
            Killer(at)
            fill(folder)

        code = forked(until_killed)
        if code == 0:
            break
        assert code == 9, f"step {steps}"
        fill(folder)
        assert contents(folder) == plain, f"killed before change {steps}"
        shutil.rmtree(folder)
    assert steps > 20
