"""DDI, Diverse Dermatology Images: 656 biopsied lesions, balanced over skin tones (2022).

Loose PNGs beside `ddi_metadata.csv`. Skin types are given in pairs only (`skin_tone` 12, 34,
56), so `fitzpatrick` is unknown and `skin_tone` is what to group by. Its terms forbid that a
program downloads it.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, RowFault, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import choose_label, read_table

NAME = "ddi"
HOMEPAGE = "https://ddi-dataset.github.io"
HINT = f"Its terms forbid automatic download: get it from {HOMEPAGE}, then name it with --raw DIR"
TONES = {"12": "12", "34": "34", "56": "56"}


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read DDI from `raw`; the label is `malignant`, "True" or "False"."""
    needed = ("DDI_file", "skin_tone", "malignant", "disease")
    csv = read_table(raw, ("ddi_metadata.csv",), options, source=NAME, hint=HINT, columns=needed)
    tones, faults = _tones(csv)
    return assemble(
        csv,
        scan_images(raw, (".", "images"), default_extension=".png"),
        image_column="DDI_file",
        label_column=choose_label(csv, options, SOURCE.label_columns[:1]),
        finest="disease",
        columns={},
        derived={"skin_tone": tones, "modality": "clinical"},
        faults=faults,
    )


def _tones(csv: CsvTable) -> tuple[list[str | None], list[RowFault]]:
    cells = [cell.strip().removesuffix(".0") for cell in csv.column("skin_tone")]
    faults = [
        RowFault("bad_value", f"skin_tone is {cell!r}, not 12, 34 or 56", csv.path.name, line)
        for line, cell in zip(csv.lines, cells, strict=True)
        if cell and cell not in TONES
    ]
    return [TONES.get(cell) for cell in cells], faults


SOURCE = Source(
    name=NAME,
    title="DDI, Diverse Dermatology Images",
    homepage=HOMEPAGE,
    license="Stanford research use agreement",
    citation="Daneshjou et al.: Disparities in dermatology AI performance on a diverse, curated "
    "clinical image set. Science Advances 8 (2022)",
    size="656 images",
    access="terms",
    how_to_get=HINT,
    layout="ddi_metadata.csv beside the PNGs, or beside images/",
    default_label="malignant",
    label_columns=("malignant", "disease"),
    read=read,
)
