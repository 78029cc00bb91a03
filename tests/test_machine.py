"""What a process may use: the least of what the machine and each control group around it allow."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from dermctl import machine
from dermctl.machine import available_cores, cores_within_reach, free_ram, free_shared, peak_ram

MIB = 2**20


class Groups:
    """Control groups made of files, and this process in one of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top, self.own = folder / "cgroup", folder / "own"
        monkeypatch.setattr(machine, "_CONTROL_GROUPS", self.top)
        monkeypatch.setattr(machine, "_OWN_GROUPS", self.own)

    def say(self, *lines: str) -> None:
        self.own.write_text("\n".join(lines) + "\n")

    def write(self, group: str, **files: str) -> None:
        folder = self.top / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text + "\n")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Groups:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return Groups(tmp_path, monkeypatch)


def test_without_control_groups_the_machine_decides(groups: Groups) -> None:
    assert available_cores() == 64
    assert 0.5 < free_ram() / psutil.virtual_memory().available < 2
    groups.say("0::/")
    assert available_cores() == 64


@pytest.mark.parametrize(("quota", "cores"), [("250000", 3), ("400000", 4), ("10000", 1)])
def test_a_containers_share_of_time_counts_in_both_versions(
    groups: Groups, quota: str, cores: int
) -> None:
    groups.say("0::/")
    groups.write(".", cpu__max=f"{quota} 100000")
    assert (available_cores(), cores_within_reach()) == (cores, 64)
    groups.write(".", cpu__max="max 100000")
    assert available_cores() == 64
    groups.say("7:memory:/a", "4:cpu,cpuacct:/docker/1")
    groups.write("cpu/docker/1", cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000")
    assert available_cores() == cores
    groups.write("cpu/docker/1", cpu__cfs_quota_us="-1")
    assert available_cores() == 64


def test_a_jobs_limit_stands_above_its_tasks(groups: Groups) -> None:
    groups.say("0::/slurm/job_1/step_0/user/task_0")
    groups.write("slurm/job_1/step_0/user/task_0", memory__max="max", memory__stat=f"anon {MIB}")
    groups.write("slurm/job_1/step_0/user", memory__max="max", memory__stat=f"anon {2 * MIB}")
    stat = f"anon {5 * MIB}\nfile {9 * MIB}\nshmem {3 * MIB}"
    groups.write("slurm/job_1", memory__max=str(20 * MIB), memory__stat=stat)
    assert free_ram() == 12 * MIB
    groups.write("slurm", memory__max=str(6 * MIB), memory__stat=stat)  # and it is full
    assert free_ram() == 0


def test_the_older_control_groups_limit_memory_too(groups: Groups) -> None:
    groups.say("9:memory:/lxc/7", "3:cpu:/lxc/7")
    stat = f"rss {MIB}\ntotal_rss {4 * MIB}\ntotal_cache {9 * MIB}"
    groups.write("memory/lxc/7", memory__limit_in_bytes=str(10 * MIB), memory__stat=stat)
    assert free_ram() == 6 * MIB


def test_a_container_that_sees_only_its_own_group(groups: Groups) -> None:
    groups.say("0::/../../docker/abc")  # the host's path, of which nothing is there
    groups.write(".", memory__max=str(10 * MIB), memory__stat=f"anon {MIB}")
    assert free_ram() == 9 * MIB


def test_shared_memory_is_that_of_its_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_SHARED", tmp_path)
    assert free_shared() == pytest.approx(psutil.disk_usage(str(tmp_path)).free, rel=0.2)
    monkeypatch.setattr(machine, "_SHARED", tmp_path / "nowhere")
    assert free_shared() is None


def test_the_peak_is_in_bytes_and_no_less_than_what_is_held() -> None:
    held = psutil.Process().memory_info().rss
    assert 0.9 * held < peak_ram() < 100 * held
