from __future__ import annotations

import pytest

from .layout import codes, column, place, read, write


@pytest.mark.parametrize("root", ["", "images/"])
def test_class_folders(tmp_path, root):
    place(tmp_path, f"{root}Acne_Vulgaris/1.jpg", f"{root}Keloid/2.JPG")
    table = read("sd198", tmp_path)
    assert column(table, "label") == ["Acne Vulgaris", "Keloid"]
    assert column(table, "path") == [f"{root}Acne_Vulgaris/1.jpg", f"{root}Keloid/2.JPG"]
    assert table.faults == []
    assert table.unlisted == []


def test_lists(tmp_path):
    write(tmp_path / "classes.txt", "1 Acne_Vulgaris", "2 Keloid")
    write(tmp_path / "images.txt", "1 Keloid/2.jpg", "2 Acne_Vulgaris/1.jpg", "3 Keloid/3.jpg")
    write(tmp_path / "image_class_labels.txt", "1 2", "2 1")
    place(tmp_path, "images/Keloid/2.jpg", "images/Acne_Vulgaris/1.jpg")
    table = read("sd198", tmp_path)
    assert column(table, "image_id") == ["Keloid/2.jpg", "Acne_Vulgaris/1.jpg", "Keloid/3.jpg"]
    assert column(table, "label") == ["Keloid", "Acne Vulgaris", None]
    assert column(table, "path") == ["images/Keloid/2.jpg", "images/Acne_Vulgaris/1.jpg", None]
    assert [(fault.code, fault.line) for fault in table.faults] == [("unmatched_row", 3)]


def test_a_line_that_is_no_pair_is_told_of(tmp_path):
    write(tmp_path / "classes.txt", "1 Keloid")
    write(tmp_path / "images.txt", "1 Keloid/2.jpg", "odd")
    write(tmp_path / "image_class_labels.txt", "1 1")
    assert codes(read("sd198", tmp_path)) == ["malformed_row"]
