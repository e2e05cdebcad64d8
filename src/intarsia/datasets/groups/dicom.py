"""Groups from a field of DICOM files, such as the patient."""

from __future__ import annotations

from collections.abc import Sequence

from intarsia.datasets.groups.joining import Groups
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, ImageError, did_you_mean
from intarsia.images.dicom import read_dicom_tag

_EXAMPLES = 3


def by_field(samples: Sequence[Sample], keyword: str) -> Groups:
    """The value of one DICOM field, by its keyword, in every image.

    Raises:
        DataError: pydicom is not installed, there is no such field (the nearest is offered), or
            some images are no DICOM files or have no value.
    """
    try:
        from pydicom import datadict
    except ImportError as error:
        raise DataError(
            "DICOM files need pydicom",
            where=f"dicom:{keyword}",
            hint="pip install 'intarsia[medical]'",
        ) from error
    if datadict.tag_for_keyword(keyword) is None:
        known = list(datadict.keyword_dict)
        offer = did_you_mean(keyword, known).partition(" (valid")[0]
        raise DataError(
            f'DICOM has no field "{keyword}"',
            expected="a keyword such as PatientID or StudyInstanceUID",
            hint=None if offer.startswith("(") else offer,
        )
    groups: Groups = {}
    strange: list[str] = []
    for sample in samples:
        try:
            value = read_dicom_tag(sample.image, keyword)
        except ImageError:  # no DICOM file, or a damaged one
            value = None
        if value:
            groups[sample.name] = value
        else:
            strange.append(sample.image.name)
    if strange:
        raise DataError(
            f"{len(strange)} of {len(samples)} images have no {keyword}: "
            + ", ".join(strange[:_EXAMPLES]),
            where=f"dicom:{keyword}",
            expected="DICOM files with that field",
            hint="where the images were converted from DICOM, write a table and say "
            "csv:FILE:COLUMN",
        )
    return groups
