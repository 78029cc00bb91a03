"""``about.json`` comes back as it was written; what cannot be is refused, all of it at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dermctl.errors import CheckpointError
from dermctl.models.zoo.about import About, read_about, write_about

ABOUT = About(
    name="derm",
    encoder="vit_tiny_patch16_224",
    image_size=64,
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.2, 0.1),
    crop_pct=0.9,
    interpolation="bicubic",
    crop_mode="center",
    license="CC-BY-NC-4.0",
    sha256="ab" * 32,
    source="run/checkpoints/best.ckpt",
    dermctl="0.1.0",
    added_at="2026-04-12T10:15:00+00:00",
    citation="Ann et al., “Skin”, 2026",
    method="simclr",
    datasets=("clinic",),
    manifests={"clinic": "cd" * 32},
    leaks=("2 of 9 images were seen",),
    exposure={"state": "known", "trained_on": 3, "selected_on": 1, "sha256": "ef" * 32},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_about(tmp_path / "about.json", ABOUT)
    assert read_about(tmp_path / "about.json") == ABOUT


def test_what_may_be_missing_may_be_null_or_absent(tmp_path: Path) -> None:
    write_about(tmp_path / "about.json", ABOUT)
    document = json.loads((tmp_path / "about.json").read_text())
    for name in ("citation", "method", "datasets", "exposure", "manifests", "leaks"):
        document[name] = None
    del document["store_size"], document["synthetic"]
    document["of a later version"] = 1
    (tmp_path / "about.json").write_text(json.dumps(document))
    found = read_about(tmp_path / "about.json")
    assert found.exposure is None
    assert (found.datasets, found.manifests, found.leaks) == ((), {}, ())
    assert (found.store_size, found.synthetic) == (0, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "../../etc"),
        ("name", ".hidden"),
        ("encoder", ["vit"]),
        ("image_size", 64.5),
        ("image_size", True),
        ("image_size", 1 << 40),
        ("mean", [0.5, 0.5]),
        ("mean", [0.5, 0.5, float("nan")]),
        ("std", [0.2, 0.2, 0.0]),
        ("license", "\x1b[2J"),
        ("sha256", "AB" * 32),
        ("sha256", "ab"),
        ("citation", "two\nlines"),
        ("datasets", "clinic"),
        ("manifests", {"clinic": "short"}),
        ("synthetic", "no"),
        ("exposure", {"state": "clean", "trained_on": 0, "selected_on": 0, "sha256": "ef" * 32}),
        ("exposure", {"state": "known", "trained_on": -1, "selected_on": 0, "sha256": "ef" * 32}),
        ("exposure", {"state": "known", "trained_on": 1, "selected_on": 0}),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, name: str, value: Any) -> None:
    write_about(tmp_path / "about.json", ABOUT)
    document = json.loads((tmp_path / "about.json").read_text()) | {name: value}
    (tmp_path / "about.json").write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match=f"no encoder of a zoo: {name} cannot be") as caught:
        read_about(tmp_path / "about.json")
    assert str(caught.value).isprintable()


def test_all_faults_at_once(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    path.write_text('{"format": 1, "name": "x", "image_size": "large"}')
    with pytest.raises(CheckpointError) as caught:
        read_about(path)
    for fault in ("encoder is missing", "mean is missing", "more"):
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ('{"name": ', "cannot be read"),
        ("[]", "describes no encoder"),
        ('{"format": 2}', "newer dermctl"),
    ],
)
def test_what_is_no_description(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "about.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=says):
        read_about(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_about(tmp_path / "absent.json")
