from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.errors import DataError


def read_bytes(folder: Path, content: bytes) -> CsvTable:
    path = folder / "table.csv"
    path.write_bytes(content)
    return read_csv(path)


def rows(table: CsvTable) -> list[list[str]]:
    columns = [table.column(name) for name in table.columns]
    return [list(cells) for cells in zip(*columns, strict=True)]


def test_a_byte_order_mark_and_crlf_are_no_part_of_the_cells(tmp_path):
    table = read_bytes(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\r\n")
    assert table.columns == ["a", "b"]
    assert rows(table) == [["1", "2"]]
    assert table.faults == []


def test_quoted_commas_quotes_and_line_breaks_stay_in_their_cell(tmp_path):
    table = read_bytes(tmp_path, b'a,b\n"x, y","say ""so"""\n"two\nlines",z\nlast,row\n')
    assert rows(table) == [["x, y", 'say "so"'], ["two\nlines", "z"], ["last", "row"]]
    assert table.lines == [2, 3, 5]


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_the_separator_is_read_off_the_header(tmp_path, separator):
    content = separator.join(["image", '"a, b; c"', "label"]) + "\n"
    content += separator.join(["x", "1,5", "y"]) + "\n" if separator != "," else 'x,"1,5",y\n'
    table = read_bytes(tmp_path, content.encode())
    assert table.columns == ["image", "a, b; c", "label"]
    assert rows(table) == [["x", "1,5", "y"]]


def test_latin_1_is_read_and_said(tmp_path):
    table = read_bytes(tmp_path, "a,b\nnévus,x\n".encode("latin-1"))
    assert rows(table) == [["névus", "x"]]
    assert [fault.code for fault in table.faults] == ["encoding"]


def test_utf_16_as_spreadsheets_write_it(tmp_path):
    table = read_bytes(tmp_path, "a\tb\nnévus\tx\n".encode("utf-16"))
    assert table.columns == ["a", "b"]
    assert rows(table) == [["névus", "x"]]


def test_repeated_and_missing_column_names(tmp_path):
    table = read_bytes(tmp_path, b",a,a,a_2\n0,1,2,3\n")
    assert table.columns == ["unnamed_0", "a", "a_3", "a_2"]
    assert rows(table) == [["0", "1", "2", "3"]]
    assert [(fault.code, fault.line) for fault in table.faults] == [("duplicate_column", 1)]


def test_short_long_and_empty_rows_are_named_by_line_and_the_rest_is_read(tmp_path):
    table = read_bytes(tmp_path, b"a,b,c\n1,2,3\n4,5\n\n6,7,8,9\n,,\n1,2,3,\n0,0,0\n")
    assert rows(table) == [["1", "2", "3"], ["1", "2", "3"], ["0", "0", "0"]]
    assert table.lines == [2, 7, 8]
    assert [(fault.code, fault.line) for fault in table.faults] == [
        ("malformed_row", 3),
        ("malformed_row", 5),
        ("malformed_row", 6),
    ]
    assert "2 of 3 cells" in table.faults[0].detail


def test_a_quote_left_open_is_named_with_the_lines_that_it_swallows(tmp_path):
    table = read_bytes(tmp_path, b'a,b\n1,2\n3,"open\n5,6\n7,8\n')
    assert rows(table) == [["1", "2"]]
    (fault,) = table.faults
    assert fault.code == "malformed_row"
    assert fault.line == 3
    assert "lines 3 to 5" in fault.detail


def test_text_after_a_closing_quote_spoils_its_row_only(tmp_path):
    table = read_bytes(tmp_path, b'a,b\n"x"y,2\n3,4\n')
    assert rows(table) == [["3", "4"]]
    assert [(fault.code, fault.line) for fault in table.faults] == [("malformed_row", 2)]


def test_a_table_without_a_header_takes_the_given_one(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("x,1\ny,2\n")
    table = read_csv(path, ("id", "truth"))
    assert rows(table) == [["x", "1"], ["y", "2"]]
    assert table.lines == [1, 2]


def test_a_missing_or_empty_table_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="no such table"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(DataError, match="empty"):
        read_bytes(tmp_path, b"")


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    table = read_bytes(tmp_path, b"a,b\n")
    assert table.columns == ["a", "b"]
    assert rows(table) == []


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufeff"), max_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(cells, cells, cells), max_size=5))
def test_what_the_csv_module_writes_comes_back(tmp_path, content):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *content])
    table = read_bytes(tmp_path, text.getvalue().encode())
    kept = [list(row) for row in content if any(cell.strip() for cell in row)]
    assert rows(table) == kept
    assert len(table.faults) == len(content) - len(kept)


def test_many_rows_come_in_several_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("dermctl.datasets.sources.csvfile._ROWS_A_BATCH", 3)
    table = read_bytes(tmp_path, b"a\n" + b"".join(b"%d\n" % i for i in range(8)))
    assert table.column("a") == [str(i) for i in range(8)]
    assert table.lines == list(range(2, 10))
