"""The sections of a recipe: every key with its type, range, default and unit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Scale = Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False, strict=True)]
AtLeastOne = Annotated[int, Field(ge=1, strict=True)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(Section):
    """Which network."""

    name: str = Field("unet-mobilenetv2", description="an architecture or a preset")
    encoder: str | None = Field(None, description="a timm encoder, for architectures")
    head: Literal["softmax", "sigmoid"] = Field(
        "softmax", description="one logit a class, or one for both of two classes"
    )
    output_stride: Literal[8, 16] | None = Field(
        None, description="of an atrous encoder; null: the architecture's own"
    )
    atrous_rates: tuple[AtLeastOne, AtLeastOne, AtLeastOne] | None = Field(
        None, description="of the three atrous convolutions of DeepLab"
    )


class AugmentSection(Section):
    """Random transforms of training samples; 0 switches one off."""

    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    vertical_flip: Probability = Field(0.0, description="probability of a vertical flip")
    rotation: float = Field(
        10.0, strict=True, ge=0, le=180, description="up to ± this many degrees"
    )
    rotation_probability: Probability = Field(1.0, description="share of samples that are rotated")
    scale: tuple[Positive, Positive] = Field((0.75, 1.5), description="zoom, lowest and highest")
    shift: float = Field(
        0.1, strict=True, ge=0, le=1, description="up to ± this share of the sample's size"
    )
    brightness: float = Field(
        0.2, strict=True, ge=0, le=1, description="up to ± this share of full range"
    )
    contrast: float = Field(0.2, strict=True, ge=0, lt=1, description="factor within 1 ± this")
    color_probability: Probability = Field(
        1.0, description="share of samples whose brightness and contrast change"
    )
    blur: Probability = Field(0.1, description="probability of a Gaussian blur up to sigma 1.5 px")

    @field_validator("scale")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("the lowest zoom comes first")
        return value


class DataSection(Section):
    """What the network sees."""

    image_size: tuple[int, int] = Field((256, 256), description="(height, width) of a sample, px")
    fit: Literal["letterbox", "crop", "stretch", "tiles", "grid"] = Field(
        "letterbox", description="how an image comes to that size"
    )
    grid: tuple[AtLeastOne, AtLeastOne] = Field(
        (1, 1), description="(rows, columns) of patches an image is cut into; with fit: grid"
    )
    longest_side: int | None = Field(
        None,
        strict=True,
        ge=16,
        description="crop and tiles first shrink larger images to this, px",
    )
    tile: tuple[int, int] | None = Field(
        None,
        description="(height, width) of the tiles an image is cut into at its own resolution, px; "
        "image_size, or a whole multiple of it; with fit: tiles",
    )
    tile_overlap: float = Field(
        0.25, strict=True, ge=0, lt=1, description="share of a training tile its neighbour repeats"
    )
    tile_rare_power: float = Field(
        0.5, strict=True, ge=0, le=1, description="0: every tile once an epoch; 1: full inverse"
    )
    normalise: Literal["imagenet", "dataset", "none"] = Field(
        "imagenet", description="mean and std; `dataset`: of the train split"
    )
    ignore: tuple[str, ...] = Field((), description="classes that do not count")
    classes: tuple[str, ...] = Field(
        (), description="the classes that matter; all others become `other`"
    )
    cache: Literal["auto", "memory", "disk", "none"] = Field(
        "auto", description="keep decoded images; auto: in memory where they fit, else on disk"
    )
    augment: AugmentSection = AugmentSection()

    @field_validator("image_size", "tile", mode="before")
    @classmethod
    def _square(cls, value: object) -> object:
        if isinstance(value, str):
            parts = value.lower().split("x")
            if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
                raise ValueError("a size is N or HxW, in pixels")
            return tuple(int(part) for part in (parts if len(parts) == 2 else parts * 2))
        if isinstance(value, int) and not isinstance(value, bool):
            return (value, value)
        return value

    @field_validator("image_size", "tile")
    @classmethod
    def _sane(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and (min(value) < 16 or max(value) > 16384):
            raise ValueError("each side lies between 16 and 16384")
        return value


class TrainSection(Section):
    """How long, how fast, from where."""

    weights: str = Field("imagenet", description="imagenet, none, a weights file or a run folder")
    epochs: int = Field(40, strict=True, ge=1)
    time: Positive | None = Field(
        None, description="seconds to fit the epochs to; `epochs` is then set by measurement"
    )
    batch_size: int = Field(8, strict=True, ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: Positive = Field(1e-3, description="highest learning rate, of the decoder")
    encoder_lr_factor: NotNegative = Field(
        0.33, description="the encoder's rate as a share of lr; 0 freezes it"
    )
    freeze_epochs: int = Field(
        0, strict=True, ge=0, description="first epochs in which the encoder stays as it is"
    )
    weight_decay: NotNegative = 0.01
    clip_norm: NotNegative = Field(5.0, description="highest gradient norm; 0 is none")
    ema: float = Field(
        0.0, strict=True, ge=0, lt=1, description="decay of averaged weights; 0 is none"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = Field(0, strict=True, ge=0)
    metric: Literal["miou", "pixel_accuracy", "mean_dice", "loss"] = Field(
        "miou", description="the validation figure that chooses the best epoch"
    )
    validate_every: int = Field(1, strict=True, ge=1, description="epochs between validations")
    patience: int = Field(
        0, strict=True, ge=0, description="stop after so many epochs without gain; 0 never"
    )
    stop_at: NotNegative | None = Field(None, description="stop when the metric reaches this")
    keep: Literal["best-and-last", "every"] = Field(
        "best-and-last", description="which epochs' weights stay"
    )
    pictures: bool = Field(
        True, strict=True, description="a picture of one sample before training and each epoch"
    )


class LossSection(Section):
    """What is minimised."""

    name: Literal[
        "cross-entropy",
        "dice",
        "cross-entropy+dice",
        "focal",
        "lovasz",
        "cross-entropy+lovasz",
    ] = "cross-entropy+dice"
    class_weights: Literal["none", "frequency"] | tuple[Positive, ...] = Field(
        "none", description="`frequency`: (1 / share of pixels) ** weight_power, mean 1 a pixel"
    )
    weight_power: float = Field(
        0.4, strict=True, ge=0, le=1, description="0: no weights; 1: full inverse"
    )
    gamma: NotNegative = Field(2.0, description="of the focal loss")


class ScheduleSection(Section):
    """How the learning rate moves."""

    name: Literal["one-cycle", "cosine", "constant", "plateau", "snapshot"] = "one-cycle"
    warmup: Probability = Field(
        0.2, description="share of all steps in which the rate rises: one-cycle, constant"
    )
    plateau_factor: float = Field(0.3, strict=True, gt=0, lt=1)
    plateau_patience: int = Field(
        3, strict=True, ge=0, description="validations without gain before a drop"
    )
    cycles: int = Field(
        1, strict=True, ge=1, description="of `snapshot`: weights are kept at each one's end"
    )


class PredictSection(Section):
    """How a trained network is used."""

    flip: bool = Field(False, strict=True, description="average with the mirrored image")
    scales: tuple[Scale, ...] = Field(
        (1.0,), min_length=1, description="average over the image at these sizes; 1: its own"
    )
    overlap: float = Field(
        0.5, strict=True, ge=0, lt=1, description="share of a tile its neighbour repeats"
    )
    max_pixels: int = Field(
        2_000_000, strict=True, ge=4096, description="larger images go through tiles"
    )
    ensemble: bool = Field(
        False, strict=True, description="average the snapshots instead of the best epoch"
    )
    ema: bool = Field(
        True, strict=True, description="the averaged weights of train.ema; false: those they are of"
    )
    temperature: Positive | Literal["fitted"] = Field(
        1.0, description="log-probabilities are divided by it; `fitted`: the run's own"
    )
    threshold: float | None = Field(
        None,
        strict=True,
        gt=0,
        lt=1,
        description="of two classes: the second where its probability is above this",
    )
    soft: bool = Field(
        False, strict=True, description="of two classes: also the second's probability, 8 bit"
    )
    portrait: tuple[str, ...] = Field((), description="classes that stay sharp; the rest blurs")
    portrait_blur: float = Field(
        0.02, strict=True, gt=0, le=0.2, description="sigma, share of the image's longer side"
    )
    crf: bool = Field(False, strict=True, description="refine with a fully connected CRF")
    crf_iterations: int = Field(5, strict=True, ge=1, le=100, description="mean-field iterations")
    crf_weights: tuple[NotNegative, NotNegative] = Field(
        (2.0, 1.0), description="of the appearance and the smoothness kernel"
    )
    crf_sizes: tuple[Positive, Positive, Positive] = Field(
        (15.0, 6.0, 1.0), description="appearance px, appearance colour 0..255, smoothness px"
    )

    @field_validator("scales", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                return tuple(float(part) for part in value.split(","))
            except ValueError:
                raise ValueError("scales are numbers: 0.75,1,1.25") from None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (value,)
        return value

    @field_validator("scales")
    @classmethod
    def _once(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a scale stands twice")
        return value
