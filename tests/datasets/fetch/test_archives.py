"""Archives: whole, damaged, malicious, nested, and half unpacked by a run that was killed."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from dermctl.datasets.fetch.archives import Member, UnsafeArchive, unpack
from dermctl.datasets.fetch.unpacked import is_whole, read_unpacked, record_unpacked
from dermctl.errors import DataError


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def place(tmp_path: Path, data: bytes) -> tuple[Path, Path]:
    archive, folder = tmp_path / "set.zip", tmp_path / "raw"
    archive.write_bytes(data)
    folder.mkdir()
    return archive, folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder that is not hidden."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".partial" not in path.parts
    }


FILES = {"a.csv": b"id\n1\n", "images/x.jpg": bytes(5000), "images/deep/y.jpg": b"y"}


def test_everything_comes_out_byte_for_byte(tmp_path):
    archive, folder = place(tmp_path, zipped(FILES))
    found = unpack(archive, folder)
    assert contents(folder) == FILES
    assert [member.file for member in found.members] == list(FILES)
    assert found.damaged == []


def test_into_a_folder_and_without_a_root_that_holds_all(tmp_path):
    archive, folder = place(tmp_path, zipped({f"set/{name}": data for name, data in FILES.items()}))
    unpack(archive, folder, "put/here")
    assert contents(folder) == {f"put/here/{name}": data for name, data in FILES.items()}


def test_what_a_mac_adds_is_left_out(tmp_path):
    junk = {"__MACOSX/._a.csv": b"", "images/.DS_Store": b"", "Thumbs.db": b""}
    archive, folder = place(tmp_path, zipped({**FILES, **junk}))
    unpack(archive, folder)
    assert contents(folder) == FILES


def test_archives_inside_are_unpacked_in_their_place(tmp_path):
    """As PAD-UFES-20 comes: an outer zip of a table and three zips of images."""
    parts = {
        f"images/imgs_part_{part}.zip": zipped(
            {f"imgs_part_{part}/PAT_{part}_{n}.png": bytes([part, n]) for n in range(3)},
            zipfile.ZIP_STORED,
        )
        for part in (1, 2, 3)
    }
    archive, folder = place(tmp_path, zipped({"metadata.csv": b"img_id\n", **parts}))
    found = unpack(archive, folder)
    images = {
        f"images/imgs_part_{part}/PAT_{part}_{n}.png": bytes([part, n])
        for part in (1, 2, 3)
        for n in range(3)
    }
    assert contents(folder) == {"metadata.csv": b"img_id\n", **images}
    assert {member.file for member in found.members} == {"metadata.csv", *images}


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "images/../../evil.txt", "/etc/evil.txt", "c:\\evil.txt", "a\\..\\evil", "."],
)
def test_a_path_that_leaves_the_folder_refuses_the_whole_archive(tmp_path, name):
    archive, folder = place(tmp_path, zipped({**FILES, name: b"evil"}))
    with pytest.raises(UnsafeArchive, match="no path below a folder") as caught:
        unpack(archive, folder)
    assert caught.value.code == "unsafe_archive"
    assert contents(tmp_path) == {"set.zip": archive.read_bytes()}  # nothing was written


def test_a_link_refuses_the_whole_archive(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("a.csv", b"1")
        link = zipfile.ZipInfo("images")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc")
    archive, folder = place(tmp_path, buffer.getvalue())
    with pytest.raises(UnsafeArchive, match="'images' is a link"):
        unpack(archive, folder)
    assert contents(folder) == {}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_refuse_the_whole_archive(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("a.csv", b"1")
        opened.writestr("a.csv", b"2")
    archive, folder = place(tmp_path, buffer.getvalue())
    with pytest.raises(UnsafeArchive, match="twice"):
        unpack(archive, folder)


def test_no_more_bytes_than_the_cap(tmp_path):
    archive, folder = place(tmp_path, zipped({"zeros": bytes(3_000_000)}))
    with pytest.raises(UnsafeArchive, match="3,000,000 bytes") as caught:
        unpack(archive, folder, cap=2_999_999)
    assert caught.value.code == "too_large"
    assert contents(folder) == {}
    unpack(archive, folder, cap=3_000_000)
    assert contents(folder) == {"zeros": bytes(3_000_000)}


def test_archives_inside_share_the_cap(tmp_path):
    inner = zipped({"zeros": bytes(2_000_000)})
    archive, folder = place(tmp_path, zipped({"a.zip": inner, "b.zip": inner}))
    with pytest.raises(UnsafeArchive, match="unpacks to"):
        unpack(archive, folder, cap=3_000_000)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_damaged_file_is_named_and_the_others_come_out(tmp_path, compression):
    payload = bytes(range(256)) * 20
    data = bytearray(zipped({"a": b"1", "bad.jpg": payload, "c": b"3"}, compression))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as opened:
        start = opened.getinfo("bad.jpg").header_offset + 30 + len("bad.jpg")
    data[start + 20] ^= 0xFF
    archive, folder = place(tmp_path, bytes(data))
    found = unpack(archive, folder)
    assert found.damaged == ["bad.jpg"]
    assert contents(folder) == {"a": b"1", "c": b"3"}


def test_an_archive_inside_that_is_none_is_damage(tmp_path):
    archive, folder = place(tmp_path, zipped({"a": b"1", "images/part.zip": b"no zip"}))
    found = unpack(archive, folder)
    assert found.damaged == ["images/part.zip"]
    assert contents(folder) == {"a": b"1"}


def test_what_is_no_archive_says_so(tmp_path):
    archive, folder = place(tmp_path, b"<html>")
    with pytest.raises(UnsafeArchive, match="no zip archive") as caught:
        unpack(archive, folder)
    assert caught.value.code == "not_an_archive"


def test_a_run_that_was_killed_is_gone_on_with(tmp_path):
    archive, folder = place(tmp_path, zipped(FILES))
    (folder / "images").mkdir()
    (folder / "a.csv").write_bytes(FILES["a.csv"])
    (folder / "images" / "x.jpg").write_bytes(b"!" * 5000)  # of the right size, not of its bytes
    before = (folder / "a.csv").stat().st_mtime_ns
    unpack(archive, folder)
    assert contents(folder) == FILES
    assert (folder / "a.csv").stat().st_mtime_ns == before  # not written again


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    archive, folder = place(tmp_path, zipped(FILES))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(DataError, match="room for 10 bytes") as caught:
        unpack(archive, folder)
    assert caught.value.hint
    assert contents(folder) == {}


def test_the_record_says_what_is_there(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    members = [Member(name, len(data), 7) for name, data in FILES.items()]
    record_unpacked(tmp_path, "b.zip", members)
    record_unpacked(tmp_path, "a.zip", members[:1])
    assert read_unpacked(tmp_path) == {"a.zip": members[:1], "b.zip": members}
    assert is_whole(tmp_path, members)
    (tmp_path / "images" / "x.jpg").write_bytes(b"short")
    assert not is_whole(tmp_path, members)
    (tmp_path / "images" / "x.jpg").unlink()
    assert not is_whole(tmp_path, members)
