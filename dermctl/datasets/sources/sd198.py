"""SD-198: 6,584 clinical photographs in 198 classes (Sun et al. 2016).

Either class folders, in `images/` or in the raw folder itself, or the lists `images.txt`
(`<number> <path>`), `image_class_labels.txt` (`<number> <class number>`) and `classes.txt`
(`<class number> <name>`) beside `images/`. Underscores in class names become spaces.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, RowFault, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import ImageFiles, scan_images
from dermctl.datasets.sources.locate import choose_label, raw_folder
from dermctl.errors import DataError

NAME = "sd198"
HOMEPAGE = "http://xiaopingwu.cn/assets/projects/sd-198/"
HINT = "Ask its authors for it, then name its folder with --raw DIR"
LISTS = ("images.txt", "image_class_labels.txt", "classes.txt")
LABEL = "class"


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read SD-198 from `raw`, by its lists where they are there, else by its folders."""
    raw_folder(raw, NAME, HINT)
    files = scan_images(raw, ("images/*", "images", "."))
    faults: list[RowFault] = []
    listed = all((raw / name).is_file() for name in LISTS)
    csv = _from_lists(raw, faults) if listed else _from_folders(raw, files)
    names = csv.column("path")
    in_images = (raw / "images").is_dir()
    return assemble(
        csv,
        files,
        image_column="path",
        label_column=choose_label(csv, options, (LABEL,)),
        finest=LABEL,
        columns={},
        derived={"modality": "clinical"},
        names=[
            f"images/{name}" if in_images and not name.startswith("images/") else name
            for name in names
        ],
        faults=faults,
    )


def _from_folders(raw: Path, files: ImageFiles) -> CsvTable:
    rows = [(path, path.split("/")[-2]) for path in files.paths if "/" in path]
    rows = [(path, folder) for path, folder in rows if folder != "images"]
    if not rows:
        raise DataError("neither class folders nor images.txt are there", where=raw, hint=HINT)
    return _table(raw, rows, [0] * len(rows))


def _from_lists(raw: Path, faults: list[RowFault]) -> CsvTable:
    images, labels, classes = (_pairs(raw / name, faults) for name in LISTS)
    rows: list[tuple[str, str]] = []
    for number, (line, path) in images.items():
        label = labels.get(number)
        name = classes.get(label[1]) if label else None
        if name is None:
            detail = f"image {number} has no class in {LISTS[1]} and {LISTS[2]}"
            faults.append(RowFault("unmatched_row", detail, LISTS[0], line, path))
        rows.append((path, name[1] if name else ""))
    return _table(raw / LISTS[0], rows, [line for line, _ in images.values()])


def _pairs(path: Path, faults: list[RowFault]) -> dict[str, tuple[int, str]]:
    """Lines `<number> <rest>` as number → (line, rest)."""
    pairs: dict[str, tuple[int, str]] = {}
    text = path.read_text(encoding="utf-8", errors="replace")
    for line, words in enumerate((line.split(maxsplit=1) for line in text.splitlines()), 1):
        if len(words) == 2 and words[0] not in pairs:
            pairs[words[0]] = (line, words[1].strip())
        elif words:
            detail = "the line is no number and name, or its number is taken"
            faults.append(RowFault("malformed_row", detail, path.name, line))
    return pairs


def _table(path: Path, rows: list[tuple[str, str]], lines: list[int]) -> CsvTable:
    paths = pa.array([path for path, _ in rows], pa.string())
    labels = pa.array([label.replace("_", " ") for _, label in rows], pa.string())
    return CsvTable(path, pa.table({"path": paths, LABEL: labels}), lines)


SOURCE = Source(
    name=NAME,
    title="SD-198",
    homepage=HOMEPAGE,
    license="for research, on request; the images belong to third parties",
    citation="Sun et al.: A Benchmark for Automatic Visual Classification of Clinical Skin "
    "Disease Images. ECCV (2016)",
    size="6,584 images",
    access="terms",
    how_to_get=HINT,
    layout="class folders, or images.txt, image_class_labels.txt and classes.txt beside images/",
    default_label=LABEL,
    label_columns=(LABEL,),
    read=read,
)
