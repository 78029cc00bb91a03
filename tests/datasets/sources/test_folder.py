from __future__ import annotations

import pytest

from dermctl.errors import DataError, UsageFault

from .layout import codes, column, place, read


def test_the_folder_right_below_the_root_is_the_label(tmp_path):
    place(tmp_path, "mel/a.jpg", "mel/clinic 1/b.png", "nv/a.jpg", "notes.txt")
    table = read("folder", tmp_path)
    assert column(table, "image_id") == ["mel/a.jpg", "mel/clinic 1/b.png", "nv/a.jpg"]
    assert column(table, "path") == column(table, "image_id")
    assert column(table, "label") == ["mel", "mel", "nv"]
    assert column(table, "finest_label") == ["mel", "mel", "nv"]
    assert column(table, "line") == [None] * 3
    assert table.faults == []
    assert table.unlisted == []


def test_images_in_the_root_are_reported_and_hidden_files_passed_over(tmp_path):
    place(tmp_path, "stray.jpg", "mel/a.jpg", ".thumbs/x.jpg", "mel/.a.jpg", "mel/._b.jpg")
    table = read("folder", tmp_path)
    assert column(table, "image_id") == ["mel/a.jpg"]
    assert [(fault.code, fault.file) for fault in table.faults] == [("misplaced_file", "stray.jpg")]


def test_what_does_not_look_like_an_image_is_reported_and_not_passed_over(tmp_path):
    place(tmp_path, "mel/a.jpg", "mel/IMG_0001", "mel/film.GIF", "nv/notes.txt", "README.md")
    table = read("folder", tmp_path)
    assert column(table, "path") == ["mel/a.jpg", "mel/film.GIF"]
    assert [(fault.code, fault.file) for fault in table.faults] == [
        ("misplaced_file", "mel/IMG_0001"),
        ("misplaced_file", "nv/notes.txt"),
    ]


def test_one_name_with_two_extensions_is_two_images(tmp_path):
    place(tmp_path, "mel/a.jpg", "mel/a.png", "Mel/a.jpg")
    table = read("folder", tmp_path)
    assert column(table, "path") == ["Mel/a.jpg", "mel/a.jpg", "mel/a.png"]
    assert column(table, "label") == ["Mel", "mel", "mel"]
    assert codes(table) == []


def test_images_in_the_root_alone_are_no_classes(tmp_path):
    place(tmp_path, "a.jpg")
    with pytest.raises(DataError, match="no images in class folders") as caught:
        read("folder", tmp_path)
    assert "DIR/<class>/<image>" in str(caught.value.hint)


def test_class_folders_have_no_label_columns(tmp_path):
    place(tmp_path, "mel/a.jpg")
    with pytest.raises(UsageFault, match="--label dx"):
        read("folder", tmp_path, label="dx")
