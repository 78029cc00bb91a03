from __future__ import annotations

from collections import Counter

import pytest

from dermctl.errors import DataError

from .layout import column, place, read, write

HASHES = ("5e82a45bc5d78bd24ae9202d194423f8", "fa2911a9b13b6f8af79cb700937cc14f")
PRESENT = (
    "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,"
    "three_partition_label,qc,url,url_alphanum",
    f"{HASHES[0]},3,2,psoriasis,inflammatory,non-neoplastic,,https://www.dermaamin.com/a.jpg,a",
    f"{HASHES[1]},-1,1,melanoma,malignant melanoma,malignant,1 Diagnostic,,",
)
OF_2021 = (
    ",md5hash,fitzpatrick,label,nine_partition_label,three_partition_label,qc,url,url_alphanum",
    f"0,{HASHES[0]},3,psoriasis,inflammatory,non-neoplastic,,http://atlasdermatologico.com.br/x,a",
    f"1,{HASHES[1]},-1,melanoma,malignant melanoma,malignant,1 Diagnostic,,",
)


@pytest.mark.parametrize("edition", [PRESENT, OF_2021], ids=["present", "2021"])
def test_both_editions_of_the_table_read_alike(tmp_path, edition):
    write(tmp_path / "fitzpatrick17k.csv", *edition)
    place(tmp_path, f"data/finalfitz17k/{HASHES[0]}.jpg")
    table = read("fitzpatrick", tmp_path)
    assert column(table, "image_id") == list(HASHES)
    assert column(table, "path") == [f"data/finalfitz17k/{HASHES[0]}.jpg", None]
    assert column(table, "fitzpatrick") == [3, None]
    assert column(table, "label") == ["inflammatory", "malignant melanoma"]
    assert column(table, "finest_label") == ["psoriasis", "melanoma"]
    assert column(table, "md5_expected") == list(HASHES)
    assert column(table, "url")[1] is None
    assert table.faults == []


def test_the_second_rater_is_kept_where_there_is_one(tmp_path):
    write(tmp_path / "fitzpatrick17k.csv", *PRESENT)
    assert column(read("fitzpatrick", tmp_path), "src_fitzpatrick_centaur") == ["2", "1"]
    write(tmp_path / "fitzpatrick17k.csv", *OF_2021)
    names = read("fitzpatrick", tmp_path).table.column_names
    assert "src_fitzpatrick_centaur" not in names
    assert "src_unnamed_0" in names


def test_the_atlas_that_holds_the_image_is_its_attribution(tmp_path):
    write(tmp_path / "fitzpatrick17k.csv", *PRESENT)
    table = read("fitzpatrick", tmp_path)
    assert column(table, "attribution") == ["www.dermaamin.com", None]
    assert set(column(table, "license")) == {"cc-by-nc-sa"}


@pytest.mark.parametrize("folder", ["images/", "", "data/finalfitz17k/"])
def test_images_may_lie_in_any_of_the_known_layouts(tmp_path, folder):
    write(tmp_path / "fitzpatrick17k.csv", *PRESENT)
    place(tmp_path, f"{folder}{HASHES[1]}.jpg")
    assert column(read("fitzpatrick", tmp_path), "path")[1] == f"{folder}{HASHES[1]}.jpg"


def test_a_table_elsewhere_can_be_named(tmp_path):
    raw = tmp_path / "raw"
    place(raw, f"images/{HASHES[0]}.jpg")
    elsewhere = write(tmp_path / "few.csv", *PRESENT[:2])
    table = read("fitzpatrick", raw, csv=elsewhere)
    assert column(table, "path") == [f"images/{HASHES[0]}.jpg"]


def test_a_table_without_skin_types_is_refused(tmp_path):
    write(tmp_path / "fitzpatrick17k.csv", "md5hash,label", f"{HASHES[0]},acne")
    with pytest.raises(DataError, match="it has no column 'fitzpatrick_scale'"):
        read("fitzpatrick", tmp_path)


def test_a_table_without_addresses_has_no_attribution(tmp_path):
    rows = ("md5hash,fitzpatrick_scale,label,nine_partition_label", f"{HASHES[0]},2,acne,x")
    write(tmp_path / "fitzpatrick17k.csv", *rows)
    table = read("fitzpatrick", tmp_path)
    assert column(table, "attribution") == [None]
    assert column(table, "url") == [None]


CLEANED = (
    "filepath,diag,fst,partition,md5hash,fitzpatrick,label,url,orig_img_name,new_img_name",
    f"ps_1/ps_f3_0.jpg,ps,3,train,{HASHES[0]},3,psoriasis,http://h/1,{HASHES[0]}.jpg,ps_f3_0.jpg",
    f"me_1/me_f1_0.jpg,me,-1,valid,{HASHES[1]},-1,melanoma,http://h/2,{HASHES[1]}.jpg,me_f1_0.jpg",
)


@pytest.mark.parametrize(
    "paths",
    [
        ("Fitzpatrick17k_CategorizedAbbrvs/ps_1/ps_f3_0.jpg", "me_1/me_f1_0.jpg"),
        (f"data/finalfitz17k/{HASHES[0]}.jpg", f"data/finalfitz17k/{HASHES[1]}.jpg"),
    ],
    ids=["renamed", "by hash"],
)
def test_the_cleaned_list_under_new_or_old_names(tmp_path, paths):
    write(tmp_path / "Fitzpatrick17k-C.csv", *CLEANED)
    place(tmp_path, *paths)
    table = read("fitzpatrick", tmp_path)
    assert column(table, "path") == list(paths)
    assert column(table, "split") == ["train", "val"]
    assert column(table, "fitzpatrick") == [3, None]
    assert table.label_column == "label"
    assert table.unlisted == []


@pytest.mark.real_data
def test_the_real_table(real_data):
    table = read("fitzpatrick", real_data / "fitzpatrick17k", label="three_partition_label")
    assert table.table.num_rows == 16_577
    assert Counter(column(table, "fitzpatrick")) == {
        1: 2947,
        2: 4808,
        3: 3308,
        4: 2781,
        5: 1533,
        6: 635,
        None: 565,
    }
    assert Counter(column(table, "label")) == {
        "non-neoplastic": 12_080,
        "malignant": 2_263,
        "benign": 2_234,
    }
    assert len(set(column(table, "finest_label"))) == 114
    quality = Counter(column(table, "src_qc"))
    assert (quality[""], quality["1 Diagnostic"], quality["3 Wrongly labelled"]) == (
        16_073,
        348,
        17,
    )
    assert column(table, "url").count(None) == 41
    assert sum(path is not None for path in column(table, "path")) == 1
    assert table.faults == []


@pytest.mark.real_data
def test_the_second_rater_agrees_on_479_in_1000_of_those_both_rated(real_data):
    table = read("fitzpatrick", real_data / "fitzpatrick17k")
    first, second = (
        column(table, name) for name in ("src_fitzpatrick_scale", "src_fitzpatrick_centaur")
    )
    rated = [(a, b) for a, b in zip(first, second, strict=True) if "-1" not in (a, b)]
    agreed = sum(a == b for a, b in rated)
    assert round(100 * agreed / len(rated), 1) == 47.9
