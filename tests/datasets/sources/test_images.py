from __future__ import annotations

from dermctl.datasets.sources.images import ImageFiles, scan_images

from .layout import place


def test_one_scan_finds_all_images_and_passes_hidden_ones_over(tmp_path):
    place(tmp_path, "b.JPG", "sub/deep/a.png", "c.jpeg", "notes.txt", "table.csv")
    place(tmp_path, ".hidden.jpg", ".cache/x.jpg", "__MACOSX/b.JPG", "sub/._a.png")
    files = scan_images(tmp_path)
    assert files.paths == ["b.JPG", "c.jpeg", "sub/deep/a.png"]
    assert files.others == ["notes.txt", "table.csv"]


def test_a_link_back_to_a_folder_above_is_not_followed_for_ever(tmp_path):
    place(tmp_path, "images/a.jpg")
    (tmp_path / "images" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert scan_images(tmp_path).paths == ["images/a.jpg"]


def test_a_name_is_found_whatever_its_extension_and_case():
    files = ImageFiles(["images/ISIC_1.JPG", "x/PAT_2.png"])
    assert files.find("ISIC_1") == "images/ISIC_1.JPG"
    assert files.find("isic_1.jpg") == "images/ISIC_1.JPG"
    assert files.find("PAT_2.jpg") == "x/PAT_2.png"
    assert files.find("ISIC_3") is None
    assert files.faults() == []


def test_what_does_not_look_like_an_image_answers_to_its_whole_name_only():
    files = ImageFiles(["a.jpg"], others=["notes.txt", "sub/notes.txt", "sub/LICENSE"])
    assert files.find("notes.txt") == "notes.txt"
    assert files.find("sub/notes.txt") == "sub/notes.txt"
    assert files.find("LICENSE") == "sub/LICENSE"
    assert files.find("notes") is None
    assert files.find("a.txt") is None
    assert files.unlisted() == ["a.jpg"]
    assert files.faults() == []


def test_rarer_kinds_are_found_and_come_after_ordinary_ones():
    files = ImageFiles(["x.gif", "x.jpg", "y.MPO"])
    assert files.find("x") == "x.jpg"
    assert files.find("x.gif") == "x.gif"
    assert files.find("y") == "y.MPO"


def test_a_path_is_looked_up_as_a_path_only():
    files = ImageFiles(["a/x.jpg", "b/x.jpg"])
    assert files.find("b/x") == "b/x.jpg"
    assert files.find("c/x.jpg") is None
    assert files.unlisted() == ["a/x.jpg"]


def test_names_with_dots_are_whole_names():
    files = ImageFiles(["scan.v2.jpg", "scan.jpg"])
    assert files.find("scan.v2") == "scan.v2.jpg"
    assert files.find("scan") == "scan.jpg"


def test_the_layouts_folder_wins_and_the_other_copy_is_a_fault():
    files = ImageFiles(["images/x.jpg", "thumbs/x.jpg", "y.jpg"], ("images", "."))
    assert files.find("x") == "images/x.jpg"
    (fault,) = files.faults()
    assert fault.code == "ambiguous_file"
    assert "thumbs/x.jpg" in fault.detail
    assert files.unlisted() == ["y.jpg"]


def test_two_extensions_of_one_name_are_no_fault_where_each_is_named_exactly():
    files = ImageFiles(["x.jpg", "x.png"])
    assert files.find("x.png") == "x.png"
    assert files.find("x.jpg") == "x.jpg"
    assert files.faults() == []
    assert files.unlisted() == []


def test_expected_names_the_folder_that_is_in_use():
    folders = ("part_1", "images", ".")
    assert ImageFiles(["images/a.jpg"], folders).expected("b") == "images/b.jpg"
    assert ImageFiles(["a.jpg"], folders).expected("b.png") == "b.png"
    assert ImageFiles([], folders).expected("b") == "part_1/b.jpg"
    assert ImageFiles(["images/a.jpg"], folders).expected("sub/b") == "sub/b.jpg"
