"""What a bundle says about its network: `bundle.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from intarsia.bundles.fields import Fields
from intarsia.errors import BundleError, DataError
from intarsia.images import Scaling
from intarsia.inference import Settings
from intarsia.labels import LabelMap
from intarsia.transforms import Fit, Preprocessing

SCHEMA = 1

Precision = Literal["fp32", "bf16", "int8"]
Runtime = Literal["onnxruntime", "openvino"]


@dataclass(frozen=True)
class Description:
    """Everything between an image and its mask but the network itself.

    `name` is the run's, `data` that of the data it was trained on, whose images' names end like
    `suffixes` (`.jpg`; empty in bundles that were written before they were kept). `precision` is
    the one it computes in, `runtimes` are those that can, the preferred one first. `size` is the
    only (height, width) in pixels that the network takes, None where it takes any. `license` is
    that of the model, "" where nobody said it. `version` is that of the Intarsia which wrote it.
    """

    name: str
    data: str
    labels: LabelMap
    preprocessing: Preprocessing
    settings: Settings
    channel_names: tuple[str, ...]
    page: int | None
    suffixes: tuple[str, ...]
    precision: Precision
    runtimes: tuple[Runtime, ...]
    size: tuple[int, int] | None
    license: str
    version: str

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "intarsia": self.version,
            "name": self.name,
            "data": self.data,
            "license": self.license,
            "labels": self.labels.to_json(),
            "channel_names": list(self.channel_names),
            "page": self.page,
            "suffixes": list(self.suffixes),
            "preprocessing": self.preprocessing.to_json(),
            "predict": asdict(self.settings),
            "network": {
                "precision": self.precision,
                "runtimes": list(self.runtimes),
                "size": None if self.size is None else list(self.size),
            },
        }

    @classmethod
    def from_json(cls, content: dict[str, Any], where: object) -> Description:
        """The inverse of `to_json`, for content that anybody may have written.

        Raises:
            BundleError: another schema, a key that is missing, unknown, or not of its type.
        """
        fields = Fields(content, "bundle.json", where)
        schema = fields.whole("schema", 0, 2**31)
        if schema != SCHEMA:
            raise BundleError(
                f"the bundle has schema {schema}",
                where=where,
                expected=f"{SCHEMA}",
                hint="it was written by another version of Intarsia: upgrade, or export again",
            )
        network = fields.inner("network")
        labels = _labels(fields)
        described = cls(
            name=fields.text("name"),
            data=fields.text("data"),
            labels=labels,
            preprocessing=_preprocessing(fields.inner("preprocessing")),
            settings=_settings(fields.inner("predict")),
            channel_names=fields.texts("channel_names"),
            page=None if fields.empty("page") else fields.whole("page", 0, 2**31),
            suffixes=_suffixes(fields) if fields.has("suffixes") else (),
            precision=cast(Precision, network.choice("precision", get_args(Precision))),
            runtimes=_runtimes(network),
            size=None if network.empty("size") else _pair(network.wholes("size", 2)),
            license=fields.text("license"),
            version=fields.text("intarsia"),
        )
        network.done()
        fields.done()
        return described


def _labels(fields: Fields) -> LabelMap:
    names, colors = [], []
    for number, item in enumerate(fields.each("labels")):
        item.whole("id", number, number)
        names.append(item.text("name"))
        red, green, blue = item.wholes("color", 3, 0, 255)
        colors.append((red, green, blue))
        item.done()
    if not 2 <= len(names) < 65535:
        raise fields.wrong("labels", len(names), "two classes or more")
    try:
        return LabelMap.of(names, colors)
    except DataError as error:
        raise fields.wrong("labels", error.what, "names that differ") from error


def _suffixes(fields: Fields) -> tuple[str, ...]:
    found = fields.texts("suffixes")
    if any(text != text.lower() or (text and text[0] != ".") for text in found):
        raise fields.wrong(
            "suffixes", list(found), 'ends of names such as ".jpg", in small letters'
        )
    return found


def _preprocessing(fields: Fields) -> Preprocessing:
    mean = fields.numbers("mean")
    std = fields.numbers("std", len(mean))
    if not mean or min(std) <= 0:
        raise fields.wrong("std", list(std), "a deviation above 0 of each channel")
    scaling = fields.inner("scaling")
    bounds = scaling.items("each") if scaling.has("each") else []
    found = {
        "low": scaling.number("low"),
        "high": scaling.number("high"),
        "rule": scaling.text("rule"),
        "each": bounds,
    }
    if bounds and (
        len(bounds) != len(mean)
        or not all(isinstance(b, list) and len(b) == 2 and _finite(b) for b in bounds)
    ):
        raise scaling.wrong("each", bounds, "two numbers a channel")
    try:
        built = Scaling.from_json(found)
    except DataError as error:
        raise BundleError(
            f"bundle.json: {error.what}", where=fields.where, expected=error.expected
        ) from error
    preprocessing = Preprocessing(
        size=_pair(fields.wholes("size", 2, 1, 16384)),
        fit=cast(Fit, fields.choice("fit", get_args(Fit))),
        scaling=built,
        mean=mean,
        std=std,
        grid=_pair(fields.wholes("grid", 2, 1, 4096)),
        longest_side=None
        if fields.empty("longest_side")
        else fields.whole("longest_side", 1, 1_000_000),
        tile=None if fields.empty("tile") else _pair(fields.wholes("tile", 2)),
    )
    scaling.done()
    fields.done()
    tile, size = preprocessing.tile, preprocessing.size
    factor = preprocessing.factor
    if tile is not None and (factor < 1 or tile != (factor * size[0], factor * size[1])):
        raise fields.wrong("tile", list(tile), "a whole multiple of size")
    return preprocessing


def _settings(fields: Fields) -> Settings:
    overlap = fields.number("overlap")
    if not 0 <= overlap < 1:
        raise fields.wrong("overlap", overlap, "0 or more, and less than 1")
    scales = fields.numbers("scales")
    if not scales or not all(0.25 <= scale <= 4 for scale in scales):
        raise fields.wrong("scales", list(scales), "factors of 0.25 to 4")
    temperature = fields.number("temperature")
    if temperature <= 0:
        raise fields.wrong("temperature", temperature, "more than 0")
    appearance, smoothness = fields.numbers("crf_weights", 2)
    sizes = fields.numbers("crf_sizes", 3)
    if min(sizes) <= 0:
        raise fields.wrong("crf_sizes", list(sizes), "numbers above 0")
    threshold = None if fields.empty("threshold") else fields.number("threshold")
    if threshold is not None and not 0 < threshold < 1:
        raise fields.wrong("threshold", threshold, "above 0 and below 1")
    blur = fields.number("portrait_blur")
    if not 0 < blur <= 0.2:
        raise fields.wrong("portrait_blur", blur, "above 0, at most 0.2")
    settings = Settings(
        flip=fields.flag("flip"),
        scales=scales,
        overlap=overlap,
        max_pixels=fields.whole("max_pixels", 1, 2**40),
        temperature=temperature,
        threshold=threshold,
        soft=fields.flag("soft"),
        portrait=fields.texts("portrait"),
        portrait_blur=blur,
        crf=fields.flag("crf"),
        crf_iterations=fields.whole("crf_iterations", 1, 100),
        crf_weights=(appearance, smoothness),
        crf_sizes=(sizes[0], sizes[1], sizes[2]),
    )
    fields.done()
    return settings


def _runtimes(network: Fields) -> tuple[Runtime, ...]:
    known = get_args(Runtime)
    named = network.texts("runtimes")
    fitting = tuple(cast(Runtime, name) for name in named if name in known)
    if not fitting:
        raise network.wrong("runtimes", list(named), f"one of {', '.join(known)}")
    return fitting


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    first, second = values
    return first, second


def _finite(values: list[Any]) -> bool:
    return all(isinstance(v, int | float) and abs(v) < 1e30 for v in values)
