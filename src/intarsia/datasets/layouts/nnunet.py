"""nnU-Net: imagesTr/, labelsTr/, imagesTs/ and dataset.json, versions 2 and 1.

Source: documentation/dataset_format.md of github.com/MIC-DKFZ/nnUNet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.datasets.classes import Classes, from_values
from intarsia.datasets.formats.source import read_json
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.pairing import Pairs, entries, image_files, key
from intarsia.datasets.sample import Sample
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError

_FILE = "dataset.json"
_CHANNEL = re.compile(r"(.+)_(\d{4})")
_VOLUMES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")


def read(path: Path) -> Found | None:
    """Samples of imagesTr/ and labelsTr/; those of imagesTs/ only where labelsTs/ is there.

    Raises:
        DataError: volumes, channels missing or without a number, faults in dataset.json.
    """
    images, masks = path / "imagesTr", path / "labelsTr"
    if not (images.is_dir() and masks.is_dir()):
        return None
    _refuse_volumes(images)
    description = _description(path / _FILE)
    names = _channel_names(description)
    pairs = _pairs(images, masks, "", "train", names)
    notes = [] if description else [f"there is no {_FILE}: the classes have no names"]
    test, answers = path / "imagesTs", path / "labelsTs"
    if test.is_dir() and answers.is_dir():
        pairs += _pairs(test, answers, "imagesTs/", "test", names)
    elif test.is_dir() and (count := len({_case(f, test)[0] for f in image_files(test)})):
        notes.append(f"imagesTs/ has {count} cases and no masks: left out")
    several = any(s.more_channels for s in pairs.samples)
    files = 1 + max((len(s.more_channels) for s in pairs.samples), default=0)
    if several:
        named = f" ({', '.join(names)})" if names else ""
        notes.append(f"an image is {files} files, one a channel{named}")
    return Found(
        "nnU-Net: imagesTr/ with labelsTr/",
        pairs,
        tuple(notes),
        _classes(description, path / _FILE) if description else None,
        names if several and len(names) == files else (),
    )


def _refuse_volumes(folder: Path) -> None:
    volume = next((f for f in entries(folder) if f.name.lower().endswith(_VOLUMES)), None)
    if volume is not None:
        raise DataError(
            "this is a volume, and Intarsia trains on images",
            where=volume,
            expected="CASE_0000.png or .tif in imagesTr/ and CASE.png in labelsTr/",
            hint="write every slice of image and label to a file of its own, as 16-bit or float "
            "TIFF (nibabel.load(f).get_fdata()[:, :, k], tifffile.imwrite), and name them "
            "PATIENT_SLICE_0000.tif so that slices of one patient stay together",
        )


def _case(file: Path, folder: Path) -> tuple[str, int | None]:
    name = key(file, folder)
    match = _CHANNEL.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, None)


def _pairs(images: Path, masks: Path, prefix: str, split: str, names: tuple[str, ...]) -> Pairs:
    cases: dict[str, dict[int, Path]] = {}
    faults: list[str] = []
    for file in image_files(images):
        case, channel = _case(file, images)
        if channel is None:
            faults.append(
                f"{file.name}: no number of a channel; rename it {case}_0000{file.suffix}"
            )
        elif channel in cases.setdefault(case, {}):
            faults.append(f"{file.name}: channel {channel} of {case} stands twice")
        else:
            cases[case][channel] = file
    wanted = sorted({channel for files in cases.values() for channel in files})
    for case, files in cases.items():
        faults += [
            f"{case}: no channel {channel:04d}{_called(names, channel)}"
            for channel in wanted
            if channel not in files
        ]
    # An RGB picture is one file for its three channels.
    if not faults and names and len(wanted) not in (1, len(names)):
        faults.append(f"{len(wanted)} channels, and {_FILE} names {', '.join(names)}")
    if faults:
        raise faulty(faults, images)
    drawn = {key(file, masks): file for file in image_files(masks)}
    samples = []
    for case, files in cases.items():
        first, *more = (files[channel] for channel in wanted)
        if case in drawn:
            samples.append(Sample(prefix + case, first, drawn[case], split, None, tuple(more)))
    return Pairs(
        tuple(samples),
        tuple(files[wanted[0]] for case, files in cases.items() if case not in drawn),
        tuple(file for case, file in drawn.items() if case not in cases),
    )


def _called(names: tuple[str, ...], channel: int) -> str:
    return f" ({names[channel]})" if channel < len(names) else ""


def _description(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError("it holds no keys", where=path, expected='keys such as "labels"')
    return content


def _channel_names(description: Mapping[str, Any]) -> tuple[str, ...]:
    named = description.get("channel_names", description.get("modality"))
    if not isinstance(named, dict):
        return ()
    numbers = sorted(named, key=lambda k: int(k) if str(k).isdecimal() else 0)
    return tuple(str(named[number]) for number in numbers)


def _classes(description: Mapping[str, Any], path: Path) -> Classes:
    labels = description.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise DataError(
            'it has no "labels"', where=path, expected='"labels": {"background": 0, "tumor": 1}'
        )
    order = description.get("regions_class_order")
    order = order if isinstance(order, list) else []
    regions = bool(order) and any(isinstance(v, list) for v in labels.values())
    named: dict[int, str] = {}
    faults: list[str] = []
    foreground = [name for name in labels if name not in ("background", "ignore")]
    if regions and len(order) != len(foreground):
        faults.append(f"regions_class_order has {len(order)} values for {len(foreground)} regions")
    for name, value in labels.items():
        if str(name).isdecimal() and isinstance(value, str):  # version 1: {"0": "background"}
            name, value = value, int(name)
        elif regions and name in foreground and not faults:
            # Regions overlap; the value that nnU-Net paints last for a region is its own.
            value = order[foreground.index(name)]
        if type(value) is not int or not 0 <= value <= 65535:
            faults.append(f'labels: "{name}" is {value!r}, not a whole number')
        elif value in named:
            faults.append(f'labels: {value} is both "{named[value]}" and "{name}"')
        else:
            named[value] = str(name)
    if faults:
        raise faulty(faults, path)
    return from_values(dict(sorted(named.items())), _FILE)
