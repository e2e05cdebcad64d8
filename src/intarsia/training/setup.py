"""Everything a training needs before its first step, from data and recipe."""

from __future__ import annotations

import copy
import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from intarsia.augmentation import Augmentation
from intarsia.backends.device import precision_for, select_device
from intarsia.backends.torch_backend import Network, torch_network
from intarsia.batches import Pairs, Tiles, TrainingBatches, channel_statistics, class_pixels
from intarsia.datasets import Dataset, Sample
from intarsia.doctor import check
from intarsia.errors import DataError, RecipeError
from intarsia.file_cache import FileCache
from intarsia.losses import Loss, build_loss
from intarsia.memory import keep_freed_memory
from intarsia.models import check_names, fill_encoder, load_model_weights, pretrained_statistics
from intarsia.recipe import Recipe
from intarsia.runs import CrossValidation, Run
from intarsia.runs.checkpoint import BEST, load_weights
from intarsia.runs.network import build_network
from intarsia.runs.uses import settings_of
from intarsia.training.depthwise import keep_depthwise_fp32
from intarsia.training.optimisation import frequency_weights
from intarsia.transforms import Preprocessing

_log = logging.getLogger("intarsia")

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Setup:
    """Data, network and loss of one training; `said` is what the user should hear."""

    recipe: Recipe
    data: Dataset
    validation_samples: Sequence[Sample]
    preprocessing: Preprocessing
    batches: TrainingBatches
    model: nn.Module
    loss: Loss
    device: str
    said: tuple[str, ...]

    @property
    def pairs(self) -> Pairs:
        """The decoded images that the batches are made of."""
        source = self.batches.pairs
        return source.pairs if isinstance(source, Tiles) else source

    def network(self, model: nn.Module) -> Network:
        return torch_network(model, device=self.device)

    def with_epochs(self, epochs: int) -> Setup:
        every = min(self.recipe.train.validate_every, epochs)
        # the measured number stands in the recipe for good: it gives the same training again
        changes = {"train.epochs": epochs, "train.validate_every": every, "train.time": None}
        return dataclasses.replace(self, recipe=self.recipe.replace(**changes))


def checked(data: Dataset, recipe: Recipe, cache: FileCache | None = None) -> Dataset:
    """The data as the recipe wants it, after the check has said what it found.

    `cache` spares the files that an earlier check has seen.

    Raises:
        DataError: the check found errors, or an ignored class is not there.
        ModelError: no such model or encoder.
    """
    check_names(recipe.model.name, recipe.model.encoder)
    chosen = choose_classes(data, recipe)
    report = check(chosen, cache=cache)
    if report.errors:
        raise DataError(f"the data set has errors; nothing was trained\n{report}", where=data.root)
    _log.info("%s", report)
    return chosen


def choose_classes(data: Dataset, recipe: Recipe) -> Dataset:
    """The data with the classes that the recipe wants.

    Raises:
        DataError: a class of the recipe is not there.
    """
    return data.ignoring(recipe.data.ignore).keeping(recipe.data.classes)


def prepare(data: Dataset, recipe: Recipe, device: str, *, weights: bool = True) -> Setup:
    """Resolves the recipe on this checked data and machine.

    `weights=False` leaves the network random, for a training that is resumed.

    Raises:
        DataError: no train or val split, or an ignored class that is not there.
        RecipeError: a device, loss or weight that does not fit.
        ModelError: a network that cannot be built or filled.
    """
    said = []
    chosen = select_device(device)
    precision = precision_for(chosen, recipe.train.precision)
    recipe = recipe.replace(**{"train.precision": precision})
    if chosen == "cpu":
        keep_freed_memory()
    if len(data.labels) < 2:
        raise DataError(
            f"only one class is left to learn: {data.labels.names[0]}",
            where=data.root,
            expected="two classes at least",
            hint="ignore fewer (data.ignore), or look at what `intarsia check` says of the masks",
        )
    settings_of(recipe.predict, temperature=1.0).check(data.labels)
    if recipe.predict.temperature == "fitted":
        raise RecipeError(
            "a temperature is fitted after the training",
            where="predict.temperature",
            expected="a number",
            hint="intarsia evaluate RUN --details, then --set predict.temperature=fitted",
        )
    for split in ("train", "val"):
        if not data.splits.get(split):
            raise DataError(
                f"no {split} images", where=data.root, expected="a train and a val split"
            )
    preprocessing = Preprocessing(
        size=recipe.data.image_size,
        fit=recipe.data.fit,
        scaling=data.scaling,
        mean=(0.0,),
        std=(1.0,),
        grid=recipe.data.grid,
        longest_side=recipe.data.longest_side,
        tile=recipe.data.tile,
    )
    pairs = Pairs(data, data.split("train"), preprocessing, recipe.data.cache)
    if recipe.data.tile is not None or (recipe.data.cache != "none" and not pairs.cached):
        said.append(pairs.said)
    source: Pairs | Tiles = pairs
    if recipe.data.tile is not None:
        source = Tiles(
            pairs, overlap=recipe.data.tile_overlap, rare_power=recipe.data.tile_rare_power
        )
        said.append(source.said)
    if recipe.data.normalise == "dataset":
        mean, std = channel_statistics(pairs)
    else:
        mean, std = _fixed_statistics(recipe, data.channels)
    preprocessing = dataclasses.replace(preprocessing, mean=mean, std=std)
    pairs.preprocessing = preprocessing
    augmentation = Augmentation(**recipe.data.augment.model_dump())
    batches = TrainingBatches(
        source,
        augmentation,
        batch_size=recipe.train.batch_size,
        seed=recipe.train.seed,
        ignore_index=data.labels.ignore_index,
    )
    torch.manual_seed(recipe.train.seed)
    model = build_network(recipe.model, classes=len(data.labels), channels=data.channels)
    _check_batches(model, recipe, data.channels, min(end - start for start, end in batches.bounds))
    if weights:
        said += _fill(model, recipe)
    if chosen == "cpu" and precision == "bf16":
        keep_depthwise_fp32(model)
    loss = build_loss(
        recipe.loss.name,
        classes=len(data.labels),
        ignore_index=data.labels.ignore_index,
        class_weights=_class_weights(recipe, source, data, chosen),
        gamma=recipe.loss.gamma,
    )
    return Setup(
        recipe=recipe,
        data=data,
        validation_samples=data.split("val"),
        preprocessing=preprocessing,
        batches=batches,
        model=model.to(chosen).to(memory_format=torch.channels_last),
        loss=loss,
        device=chosen,
        said=tuple(said),
    )


def _check_batches(model: nn.Module, recipe: Recipe, channels: int, smallest: int) -> None:
    """Raises where the smallest batch cannot pass through the network in training.

    Too few pixels for its poolings, or one image where a pooling leaves one value to normalise.
    """
    trial = copy.deepcopy(model).train()
    images = torch.zeros(min(2, smallest), channels, *recipe.data.image_size)
    try:
        with torch.no_grad():
            trial(images)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        height, width = recipe.data.image_size
        raise RecipeError(
            f"{recipe.model.name} cannot learn from a batch of one image of {height}x{width} px: "
            "it normalises over the batch",
            where="train.batch_size",
            expected="batches of two images at least",
            hint="--batch-size 2 and two train images or more, or another model, such as "
            "unet-mobilenetv2 at 64 px or more",
        ) from error


def _fixed_statistics(recipe: Recipe, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if recipe.data.normalise == "none":
        return (0.0,) * channels, (1.0,) * channels
    # the encoder's own: not every one was trained with the usual figures
    own = pretrained_statistics(recipe.model.name, recipe.model.encoder)
    mean, std = own or _IMAGENET
    if channels == len(mean):
        return mean, std
    # what the pretrained kernels saw on average, in every channel
    return (sum(mean) / len(mean),) * channels, (sum(std) / len(std),) * channels


def _class_weights(
    recipe: Recipe, source: Pairs | Tiles, data: Dataset, device: str
) -> torch.Tensor | None:
    chosen = recipe.loss.class_weights
    if chosen == "none":
        return None
    if chosen == "frequency":
        if isinstance(source, Tiles):
            pixels = source.class_pixels
        else:
            pixels = class_pixels(source, len(data.labels), data.labels.ignore_index)
        return frequency_weights(torch.from_numpy(pixels), recipe.loss.weight_power).to(device)
    if len(chosen) != len(data.labels):
        raise RecipeError(
            f"{len(chosen)} class weights for {len(data.labels)} classes",
            where="loss.class_weights",
            expected=f"one for each of {', '.join(data.labels.names)}",
        )
    return torch.tensor(chosen, dtype=torch.float32, device=device)


def _fill(model: nn.Module, recipe: Recipe) -> list[str]:
    """Loads what `train.weights` names; returns what to say."""
    source = recipe.train.weights
    if source == "none":
        return ["random weights"]
    path = Path(source)
    if path.is_dir():
        if isinstance(Run.open(path), CrossValidation):
            raise RecipeError(
                "a cross-validation has the weights of several trainings",
                where=f"train.weights = {source}",
                hint=f"name one of them: {path / 'fold-0'}",
            )
        return load_model_weights(model, load_weights(path / "checkpoints" / BEST), source=source)
    return fill_encoder(model, recipe.model.name, recipe.model.encoder, source)
