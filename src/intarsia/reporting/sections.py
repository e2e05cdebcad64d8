"""The sections of a page: one evaluation each, with its figures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intarsia.evaluation import Evaluation
from intarsia.evaluation.wording import primary_of
from intarsia.labels import LabelMap
from intarsia.reporting.details import ShownDetails, details_of
from intarsia.reporting.figures import Drawing
from intarsia.reporting.gallery import Gallery
from intarsia.reporting.matrices import (
    Confusion,
    HeatCell,
    confusions,
    heat_rows,
    matrix_drawing,
    matrix_table,
)
from intarsia.reporting.panels import panels_drawing
from intarsia.reporting.sheets import (
    alarm_table,
    class_bars,
    class_table,
    figure_table,
    image_table,
    role,
    settings_text,
    title,
)
from intarsia.reporting.tables import Table
from intarsia.statistics import FEW_GROUPS

IMAGES_SHOWN = 200  # rows of the image table in the page; the CSV holds all


@dataclass(frozen=True)
class Section:
    """One evaluation as the page shows it."""

    name: str
    sheet: Evaluation
    figures: Table
    classes: Table
    alarms: Table | None
    images: Table
    images_left_out: int
    heat: list[list[HeatCell]]
    names: list[str]
    confusions: list[Confusion]
    shown_details: ShownDetails | None
    gallery: Gallery
    test_looks: int

    @property
    def title(self) -> str:
        return title(self.sheet)

    @property
    def role(self) -> str:
        return role(self.sheet)

    @property
    def primary(self) -> str:
        """The figure that counts, and since when that stands."""
        return primary_of(self.sheet)

    @property
    def few(self) -> bool:
        """Whether the intervals rest on few groups."""
        return self.sheet.intervals is not None and self.sheet.intervals.units < FEW_GROUPS

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said beside the intervals."""
        return () if self.sheet.intervals is None else self.sheet.intervals.remarks

    @property
    def plain_from(self) -> int:
        """The first column of the classes behind IoU and its interval."""
        return 2 if self.sheet.intervals is None else 4

    @property
    def settings(self) -> str:
        """What was predicted otherwise than the recipe says."""
        return settings_text(self.sheet)


def section_of(name: str, sheet: Evaluation, gallery: Gallery, looks: int) -> Section:
    """What the page shows of a sheet; `looks` at test count where it is of test."""
    names = list(sheet.names)
    images = image_table(name, sheet)
    return Section(
        name=name,
        sheet=sheet,
        figures=figure_table(name, sheet),
        classes=class_table(name, sheet),
        alarms=alarm_table(name, sheet),
        images=images,
        images_left_out=max(0, len(images.rows) - IMAGES_SHOWN),
        heat=heat_rows(sheet.confusion_matrix),
        names=names,
        confusions=confusions(sheet.confusion_matrix, names),
        shown_details=details_of(name, sheet),
        gallery=gallery,
        test_looks=looks if sheet.split == "test" else 0,
    )


def section_drawings(section: Section, labels: LabelMap) -> list[Drawing]:
    """Its figures: bars of the classes, the matrix, the details, panels of images."""
    matrix = section.sheet.confusion_matrix
    drawings = [
        class_bars(section.name, section.sheet, labels),
        matrix_drawing(section.name, section.title, matrix, section.names),
    ]
    if section.shown_details:
        drawings += section.shown_details.drawings
    if section.gallery.pictures:
        drawings.append(
            panels_drawing(section.name, section.title, section.gallery.pictures, labels)
        )
    return drawings


def section_tables(section: Section) -> list[Table]:
    """Its tables: figures, classes, false alarms, images, confusion matrix, details."""
    matrix = section.sheet.confusion_matrix
    return [
        section.figures,
        section.classes,
        *([] if section.alarms is None else [section.alarms]),
        section.images,
        matrix_table(section.name, section.title, matrix, section.names),
        *(section.shown_details.tables if section.shown_details else ()),
    ]


def write_files(folder: Path, drawings: list[Drawing], tables: list[Table]) -> None:
    """`figures/` and `tables/` beside the page."""
    for name in ("figures", "tables"):
        (folder / name).mkdir(exist_ok=True)
    for drawing in drawings:
        drawing.write(folder / "figures")
    for table in tables:
        table.write(folder / "tables")
