from __future__ import annotations

import re

import pyarrow as pa
import pytest

from dermctl.datasets.sources.base import COMMON_SCHEMA, ReadOptions
from dermctl.datasets.sources.registry import SOURCES, get_source
from dermctl.errors import DataError, UsageFault

from .layout import place, write

NEEDS_RAW = [name for name in SOURCES if name != "csv"]


def test_every_source_is_registered_under_its_own_name():
    assert list(SOURCES) == [source.name for source in SOURCES.values()]
    assert {"isic", "padufes", "fitzpatrick", "ham10000", "csv", "folder"} <= set(SOURCES)


def test_an_unknown_source_is_answered_with_the_nearest():
    with pytest.raises(UsageFault, match="there is no source 'fitzpatrik'") as caught:
        get_source("fitzpatrik")
    assert str(caught.value.hint).startswith("Sources: fitzpatrick,")


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_a_source_says_what_a_person_wants_to_know(source):
    assert source.title
    assert source.license
    assert source.how_to_get
    assert source.layout
    assert source.default_label
    assert source.access in {"download", "terms", "own"}
    if source.access != "own":
        assert source.homepage.startswith("http")
        assert source.citation
        assert source.default_label in source.label_columns


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_downloads_are_files_with_whole_checksums_and_only_where_allowed(source):
    assert source.access == "download" or not source.downloads
    for file in source.downloads:
        assert file.url.startswith("https://")
        assert "/" not in file.filename
        assert file.md5 is None or re.fullmatch("[0-9a-f]{32}", file.md5)


@pytest.mark.parametrize("name", NEEDS_RAW)
def test_a_missing_folder_names_the_next_command(name, tmp_path):
    missing = tmp_path / "nowhere"
    with pytest.raises(DataError, match="not there") as caught:
        get_source(name).read(missing, ReadOptions())
    assert caught.value.where == str(missing)
    hint = str(caught.value.hint)
    assert "--raw DIR" in hint
    if get_source(name).access == "download":
        assert f"dermctl data download {name} --to DIR" in hint


@pytest.mark.parametrize("name", NEEDS_RAW)
def test_an_empty_folder_is_a_data_error_with_a_next_step(name, tmp_path):
    with pytest.raises(DataError) as caught:
        get_source(name).read(tmp_path, ReadOptions())
    assert caught.value.hint


def test_the_common_columns_come_first_and_the_sources_own_follow(tmp_path):
    write(tmp_path / "metadata.csv", "isic_id,diagnosis_1,odd", "ISIC_1,Benign,x")
    place(tmp_path, "images/ISIC_1.jpg")
    table = get_source("isic").read(tmp_path, ReadOptions()).table
    count = len(COMMON_SCHEMA)
    assert table.schema.names[:count] == COMMON_SCHEMA.names
    assert [table.schema.field(i).type for i in range(count)] == COMMON_SCHEMA.types
    assert table.schema.names[count:] == ["src_isic_id", "src_diagnosis_1", "src_odd"]
    assert set(table.schema.types[count:]) == {pa.string()}
