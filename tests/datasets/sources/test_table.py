from __future__ import annotations

import pytest

from dermctl.errors import DataError, UsageFault

from .layout import codes, column, place, read, write


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "photos"
    place(folder, "a.jpg", "sub/b.PNG", "sub/deep/c.jpeg", "spare.jpg")
    return folder


def lab(raw, *lines, **options):
    table = write(raw.parent / "lab.csv", *lines)
    return read("csv", raw, csv=table, image_column="image", label_column="dx", **options)


def test_names_with_and_without_extension_and_relative_paths(raw):
    table = lab(
        raw, "image,dx", "a,mel", "b.png,nv", "sub/b,nv", r"sub\deep\c.jpeg,mel", "./a.jpg,mel"
    )
    assert column(table, "path") == ["a.jpg", "sub/b.PNG", "sub/b.PNG", "sub/deep/c.jpeg", "a.jpg"]
    assert column(table, "image_id")[0] == "a"
    assert column(table, "label") == ["mel", "nv", "nv", "mel", "mel"]
    assert table.unlisted == ["spare.jpg"]
    assert table.faults == []


def test_an_absolute_path_inside_the_folder_is_fine(raw):
    table = lab(raw, "image,dx", f"{raw.resolve()}/sub/b.PNG,nv")
    assert column(table, "path") == ["sub/b.PNG"]


@pytest.mark.parametrize(
    "outside", ["../photos/a.jpg", "sub/../../x.jpg", "/etc/a.jpg", r"..\a.jpg", r"C:\a.jpg"]
)
def test_what_leaves_the_folder_is_refused_by_row(raw, outside):
    place(raw.parent, "x.jpg")
    table = lab(raw, "image,dx", "a,mel", f"{outside},nv", "sub/b,nv")
    assert column(table, "path") == ["a.jpg", None, "sub/b.PNG"]
    (fault,) = table.faults
    assert (fault.code, fault.line, fault.image_id) == ("outside_raw", 3, outside)


def test_the_users_columns_are_read(raw):
    table = lab(
        raw,
        "image;dx;who;spot;tone;years;gender;where;terms",
        "a;mel;P1;L1;IV;61;F;left arm;CC BY 4.0",
        "b;nv;;unknown;;;;;",
        patient_column="who",
        lesion_column="spot",
        skin_type_column="tone",
        age_column="years",
        sex_column="gender",
        site_column="where",
        license_column="terms",
    )
    assert column(table, "patient_id") == ["P1", None]
    assert column(table, "lesion_id") == ["L1", None]
    assert column(table, "fitzpatrick") == [4, None]
    assert column(table, "age") == [61.0, None]
    assert column(table, "sex") == ["female", None]
    assert column(table, "site") == ["left arm", None]
    assert column(table, "license") == ["cc-by", None]
    assert column(table, "src_who") == ["P1", ""]


def test_a_split_column_is_the_official_split(raw):
    table = lab(raw, "image,dx,split", "a,mel,training", "b,nv,valid", "c,nv,", "spare,nv,fold 9")
    assert column(table, "split") == ["train", "val", None, None]
    assert codes(table) == ["bad_value"]
    named = lab(raw, "image,dx,part", "a,mel,test", split_column="part")
    assert column(named, "split") == ["test"]


def test_without_a_label_column_there_are_no_labels(raw):
    table = write(raw.parent / "lab.csv", "image", "a")
    read_table = read("csv", raw, csv=table, image_column="image")
    assert column(read_table, "label") == [None]
    assert read_table.label_column is None


def test_label_wins_over_label_column(raw):
    table = lab(raw, "image,dx,grade", "a,mel,2", label="grade")
    assert column(table, "label") == ["2"]


def test_empty_image_names_are_kept_as_rows_without_a_file(raw):
    table = lab(raw, "image,dx", ",mel", "a,nv")
    assert column(table, "image_id") == [None, "a"]
    assert column(table, "path") == [None, "a.jpg"]


def test_latin_1_and_repeated_columns_are_said(raw):
    path = raw.parent / "lab.csv"
    path.write_bytes("image,dx,dx\na,nævus,x\n".encode("latin-1"))
    table = read("csv", raw, csv=path, image_column="image", label_column="dx")
    assert column(table, "label") == ["nævus"]
    assert codes(table) == ["encoding", "duplicate_column"]


@pytest.mark.parametrize(
    ("options", "flag"),
    [({}, "--csv FILE"), ({"csv": "lab.csv"}, "--image-column C")],
)
def test_missing_flags_are_a_usage_fault(raw, options, flag):
    if "csv" in options:
        options = {"csv": write(raw.parent / "lab.csv", "image,dx", "a,mel")}
    with pytest.raises(UsageFault, match=f"{flag} is missing") as caught:
        read("csv", raw, **options)
    assert "dermctl data prepare csv" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("image_column", "--image-column"),
        ("label_column", "--label-column"),
        ("patient_column", "--patient-column"),
        ("skin_type_column", "--skin-type-column"),
    ],
)
def test_an_unknown_column_names_its_flag_and_the_columns(raw, name, flag):
    table = write(raw.parent / "lab.csv", "image,dx,patient", "a,mel,1")
    options = {"image_column": "image", "label_column": "dx", name: "pateint"}
    with pytest.raises(DataError, match="no column 'pateint'") as caught:
        read("csv", raw, csv=table, **options)
    assert caught.value.hint == f"Give {flag} one of its columns: patient, image, dx"


def test_missing_table_and_folder(raw):
    with pytest.raises(DataError, match="the table is not there"):
        read("csv", raw, csv=raw / "none.csv", image_column="image")
    table = write(raw.parent / "lab.csv", "image,dx", "a,mel")
    with pytest.raises(DataError, match="the folder of the images is not there"):
        read("csv", raw / "none", csv=table, image_column="image")
