"""The folder layouts that are recognised, one small reader each.

Every reader is `read(path) -> Found | None`: None where the folder is not of its kind.
"""

from __future__ import annotations

from pathlib import Path

from intarsia.datasets.layouts import (
    cityscapes,
    coco_json,
    csv_list,
    cvat_xml,
    folders,
    hugging_face,
    label_studio_json,
    labelme_json,
    mmseg,
    nnunet,
    object_masks,
    pets,
    roboflow,
    segnet,
    split_folders,
    suffixes,
    ultralytics,
    voc,
    yolo_segments,
)
from intarsia.datasets.layouts.annotation_files import kind_of
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import IMAGE_FOLDERS, MASK_FOLDERS, nested
from intarsia.datasets.layouts.unrecognised import advice, contents
from intarsia.errors import DataError

# The most specific first: the official Pets folder also has images/ and annotations/.
# One file an object looks like images/ and masks/ whose names do not meet; files of annotations
# count where there are no mask files.
_READERS = (
    label_studio_json.read_beside_brushes,
    ultralytics.read,
    csv_list.read,
    hugging_face.read,
    object_masks.read,
    pets.read,
    voc.read,
    cityscapes.read,
    mmseg.read,
    nnunet.read,
    roboflow.read,
    segnet.read,
    split_folders.read,
    folders.read,
    suffixes.read,
    *(coco_json.read, cvat_xml.read, label_studio_json.read, yolo_segments.read),
    labelme_json.read,
    # Tables that may as well be about something else, where nothing else fits.
    hugging_face.read_parquet,
    csv_list.read_misnamed,
)

_EXPECTED = f"""one of these layouts, or a dataset.yaml that says where things are:
    images/ and masks/ (also: {", ".join(IMAGE_FOLDERS[1:])}; {", ".join(MASK_FOLDERS[1:])})
    train/, val/, test/ with images/ and masks/ in each, or images/train/ and masks/train/
    train/ and trainannot/, val/ and valannot/, ... (CamVid, SegNet)
    images/ and annotations/trimaps/ with trainval.txt and test.txt (Oxford-IIIT Pet)
    JPEGImages/, SegmentationClass/ and ImageSets/Segmentation/ (VOC, CVAT "Segmentation mask")
    leftImg8bit/ and gtFine/ (Cityscapes), img_dir/ and ann_dir/ (MMSegmentation)
    imagesTr/, labelsTr/ and dataset.json (nnU-Net)
    train/, valid/, test/ with x.jpg, x_mask.png and _classes.csv (Roboflow)
    a YAML with masks_dir (Ultralytics), or a CSV with the columns image and mask
    a folder of Hugging Face datasets (save_to_disk, or parquet files)
    one folder of pairs such as x.jpg and x_mask.png
    images with COCO JSON, CVAT for images XML, Label Studio JSON, LabelMe JSON or YOLO polygons
    x/images/x.png with x/masks/, or images/ and masks/ with a file an object"""


# Files that are a data set by themselves, beside dataset.yaml.
LIST_FILES = (".csv", ".parquet")
_FILE_READERS = (ultralytics.read_file, csv_list.read_file, hugging_face.read_file)


def read_file(path: Path) -> Found | None:
    """The samples that one file lists, None where the path is no such file.

    Raises:
        DataError: the file has faults.
    """
    if not path.is_file():
        return None
    return next((found for read in _FILE_READERS if (found := read(path)) is not None), None)


def read_layout(path: Path) -> Found:
    """The samples of a folder in any supported layout.

    Raises:
        DataError: no layout fits; the error lists what was looked for and what was found.
    """
    for place in nested(path):
        found = _first_fit(place)
        if found is not None:
            if place == path:
                return found
            inside = place.relative_to(path).as_posix()
            return found.with_note(f"the data set lies in the subfolder {inside}")
    raise DataError(
        f"no data set is recognised here; found: {contents(path)}",
        where=path,
        expected=_EXPECTED,
        hint=advice(path),
    )


def read_annotation_file(file: Path, images: Path) -> Found | None:
    """The samples of one file of annotations with the images below a folder.

    None where the file is neither COCO, CVAT, Label Studio, LabelMe nor the YAML of YOLO.
    """
    if not file.is_file():
        return None
    if file.suffix.lower() in (".yaml", ".yml"):
        return yolo_segments.read_yolo_yaml(file) if yolo_segments.is_yolo_yaml(file) else None
    kind = kind_of(file)
    if kind == "coco":
        return coco_json.read_files([file], images)
    if kind == "cvat":
        return cvat_xml.read_files([file], images)
    if kind == "label-studio":
        return label_studio_json.read_files([file], images)
    return labelme_json.read_files([file], images) if kind == "labelme" else None


def _first_fit(path: Path) -> Found | None:
    for read in _READERS:
        found = read(path)
        if found is not None:
            return found
    return None
