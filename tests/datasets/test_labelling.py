"""The label that was asked for: a column, or a target of the taxonomy; nothing goes unsaid."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from dermctl.datasets.labelling import REASON_CODES, read_labelled
from dermctl.datasets.reasons import LABEL_REASONS, REASONS
from dermctl.datasets.sources.base import ReadOptions, SourceTable
from dermctl.datasets.sources.registry import SOURCES, get_source
from dermctl.datasets.taxonomy import COLUMNS, LABELS, TARGETS
from dermctl.datasets.taxonomy.words import target_words
from dermctl.errors import DataError, UsageFault

HAM = "lesion_id,image_id,dx,dx_type,age,sex,localization"
ISIC = "isic_id,diagnosis_1,diagnosis_2,diagnosis_3,benign_malignant"


def table(raw: Path, name: str, lines: Sequence[str]) -> Path:
    raw.mkdir(parents=True, exist_ok=True)
    (raw / name).write_text("\n".join(lines) + "\n")
    return raw


def ham(tmp_path: Path, *labels: str) -> Path:
    rows = [f"L{n},ISIC_{n},{label},histo,50,male,back" for n, label in enumerate(labels)]
    return table(tmp_path / "ham", "HAM10000_metadata.csv", [HAM, *rows])


def read(source: str, raw: Path, **options: str) -> SourceTable:
    return read_labelled(get_source(source), raw, ReadOptions(**options))  # type: ignore[arg-type]


def column(found: SourceTable, name: str) -> list[str | None]:
    values: list[str | None] = found.table.column(name).to_pylist()
    return values


def test_a_target_takes_the_label_s_place_and_the_label_stays_beside_it(tmp_path: Path) -> None:
    found = read("ham10000", ham(tmp_path, "nv", "akiec", "mel"), label="malignancy")
    assert column(found, "label") == ["benign", None, "malignant"]
    assert column(found, "label_raw") == ["nv", "akiec", "mel"]
    assert column(found, "finest_label") == ["nv", "akiec", "mel"]
    assert found.label_column == "malignancy"
    assert found.left_out == {1: ("indeterminate", "'akiec' on malignancy: indeterminate")}
    assert found.target is not None
    assert found.target["left_out"] == {"indeterminate": {"akiec": 1}}
    assert found.target["columns"] == ["dx"]


@pytest.mark.parametrize("side", ["malignant", "benign"])
def test_indeterminate_labels_are_put_on_a_side(tmp_path: Path, side: str) -> None:
    raw = ham(tmp_path, "nv", "akiec")
    found = read("ham10000", raw, label="malignancy", indeterminate=side)
    assert column(found, "label") == ["benign", side]
    assert found.left_out == {}
    assert found.target is not None
    assert f"count as {side} (akiec 1)" in target_words(found.target)


def test_labels_without_a_mapping_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 labels of ham10000: 'melanom', 'wart'") as caught:
        read("ham10000", ham(tmp_path, "nv", "melanom", "wart"), label="malignancy")
    assert "--label COLUMN" in str(caught.value.hint)


def test_a_column_of_the_target_s_name_wins_and_the_prefix_asks_for_the_target(
    tmp_path: Path,
) -> None:
    lines = [f"{HAM},malignancy", "L0,ISIC_0,nv,histo,50,male,back,perhaps"]
    raw = table(tmp_path / "ham", "HAM10000_metadata.csv", lines)
    own = read("ham10000", raw, label="malignancy")
    assert (column(own, "label"), own.target) == (["perhaps"], None)
    target = read("ham10000", raw, label="target:malignancy")
    assert (column(target, "label"), target.label_column) == (["benign"], "malignancy")
    with pytest.raises(UsageFault, match="has a column 'malignancy'") as caught:
        read("ham10000", raw, label="malignancy", indeterminate="benign")
    assert "--label target:malignancy" in str(caught.value.hint)


def test_in_each_row_the_finest_label_that_says_something_decides(tmp_path: Path) -> None:
    rows = [
        "a,Benign,Benign melanocytic proliferations,Nevus,benign",
        "b,Malignant,,,",
        "c,,,,benign",
        "d,,,,",
    ]
    raw = table(tmp_path / "isic", "metadata.csv", [ISIC, *rows])
    found = read("isic", raw, label="isic3")
    assert column(found, "label") == ["Nevus", None, None, None]
    assert column(found, "label_raw") == ["Nevus", "Malignant", "benign", None]
    assert {row: code for row, (code, _) in found.left_out.items()} == {
        1: "too_coarse",
        2: "too_coarse",
    }
    assert column(read("isic", raw, label="malignancy"), "label") == [
        "benign", "malignant", "benign", None
    ]  # fmt: skip


def test_what_cannot_be_asked_for_is_said(tmp_path: Path) -> None:
    raw = ham(tmp_path, "nv")
    with pytest.raises(DataError, match="no column 'malignent'") as caught:
        read("ham10000", raw, label="malignent")
    assert "or a shared target: malignancy" in str(caught.value.hint)
    with pytest.raises(UsageFault, match="no target 'malignent'"):
        read("ham10000", raw, label="target:malignent")
    with pytest.raises(UsageFault, match="the label is a column"):
        read("ham10000", raw, indeterminate="benign")
    with pytest.raises(UsageFault, match="on malignancy only"):
        read("ham10000", raw, label="ham7", indeterminate="benign")
    with pytest.raises(UsageFault, match="no side"):
        read("ham10000", raw, label="malignancy", indeterminate="both")
    (tmp_path / "photos" / "nevus").mkdir(parents=True)
    (tmp_path / "photos" / "nevus" / "a.png").write_bytes(b"x")
    with pytest.raises(UsageFault, match="does not know the labels of 'folder'") as refused:
        read("folder", tmp_path / "photos", label="malignancy")
    assert "ham10000" in str(refused.value.hint)


def test_every_source_of_the_taxonomy_says_where_its_targets_come_from() -> None:
    assert set(COLUMNS) == set(LABELS) <= set(SOURCES)
    assert set(REASON_CODES.values()) <= LABEL_REASONS <= set(REASONS)


@pytest.fixture
def challenges(real_data: Path, tmp_path: Path) -> dict[str, Path]:
    """Where the real tables lie, by source; those of the challenges are copied apart."""
    found = {
        "ham10000": real_data / "ham10000",
        "padufes": real_data / "pad-ufes-20",
        "fitzpatrick": real_data / "fitzpatrick17k",
    }
    names = {"isic2018": "ISIC2018*", "isic2019": "ISIC_2019*", "isic2020": "ISIC_2020*"}
    for source, pattern in names.items():
        found[source] = tmp_path / source
        found[source].mkdir()
        for path in (real_data / "isic_metadata").glob(pattern):
            shutil.copy(path, found[source])
    return found


# source -> malignant, benign, left out. HAM10000: mel 1,113 and bcc 514 are malignant, akiec 327
# are left out. PAD-UFES-20: BCC, SCC, MEL against NEV, SEK; ACK 730 left out. ISIC 2019: MEL, BCC,
# SCC; AK 867 left out. ISIC 2020: its own column, but for one atypical proliferation.
MALIGNANCY = {
    "ham10000": (1_627, 8_061, 327),
    "padufes": (845 + 192 + 52, 244 + 235, 730),
    "fitzpatrick": (2_088, 2_234, 12_255),
    "isic2018": (171 + 93, 1_205, 43),
    "isic2019": (4_522 + 3_323 + 628, 15_991, 867),
    "isic2020": (584, 32_541, 1),
}
LEFT_OUT = {
    "ham7": {
        "ham10000": 0, "padufes": 192, "fitzpatrick": 14_661,
        "isic2018": 0, "isic2019": 628, "isic2020": 27_170,
    },
    "isic1": {
        "ham10000": 327, "padufes": 0, "fitzpatrick": 2_761,
        "isic2018": 43, "isic2019": 0, "isic2020": 0,
    },
}  # fmt: skip


@pytest.mark.real_data
def test_real_labels_on_malignancy(challenges: dict[str, Path]) -> None:
    for source, (malignant, benign, left_out) in MALIGNANCY.items():
        found = read(source, challenges[source], label="malignancy")
        counts = Counter(column(found, "label"))
        assert counts == {"malignant": malignant, "benign": benign, None: left_out}, source
        assert len(found.left_out) == left_out


@pytest.mark.real_data
@pytest.mark.parametrize("target", TARGETS)
def test_every_real_label_is_known(challenges: dict[str, Path], target: str) -> None:
    for source, raw in challenges.items():
        found = read(source, raw, label=target)
        labels = column(found, "label")
        assert [n for n, label in enumerate(labels) if label is None] == sorted(found.left_out)
        if target in LEFT_OUT:
            assert len(found.left_out) == LEFT_OUT[target][source], source
