"""What the networks were shown in training, in clauses: samples, scaling, augmentation."""

from __future__ import annotations

from collections.abc import Sequence

from intarsia.recipe import Recipe
from intarsia.recipe.sections import AugmentSection
from intarsia.reporting.methods.wording import listing, share
from intarsia.runs import Run


def sampling(recipe: Recipe) -> str:
    """How an image becomes a sample: "samples were ..."."""
    data = recipe.data
    size = pixels(data.image_size)
    if data.fit == "letterbox":
        return f"whole images, made to fit {size} with their aspect ratio kept, and padded"
    if data.fit == "stretch":
        return f"whole images resized to {size}"
    if data.fit == "grid":
        rows, columns = data.grid
        return f"the cells of images cut into {rows} x {columns}, each resized to {size}"
    if data.tile is not None:
        shown = "" if data.tile == data.image_size else f" and shrunk to {size}"
        drawn = "each once an epoch"
        if data.tile_rare_power:
            drawn = "drawn more often the rarer the classes in them"
        return (
            f"tiles of {pixels(data.tile)} that overlap by {share(data.tile_overlap)}{shown}, "
            f"{drawn}"
        )
    shrunk = "at their own resolution"
    if data.longest_side is not None:
        shrunk = f"with larger ones first shrunk to {data.longest_side} px on the longer side"
    return f"windows of {size} at random places of the images, {shrunk}"


def scaling(run: Run) -> str:
    """How pixels were scaled: "samples were ..."."""
    prepared = run.preprocessing
    if run.recipe.data.normalise == "none":
        return "scaled to 0 to 1"
    source = "those of the training images"
    if run.recipe.data.normalise == "imagenet":
        source = "those that go with ImageNet weights"
    return (
        f"standardised by channel with the means {_numbers(prepared.mean)} and standard "
        f"deviations {_numbers(prepared.std)} of values from 0 to 1 ({source})"
    )


def augmentation(recipe: Recipe) -> str:
    """The random changes: "samples were ..."."""
    changes = _changes(recipe.data.augment, recipe)
    return f"randomly {listing(changes)}" if changes else "not augmented"


def _changes(augment: AugmentSection, recipe: Recipe) -> list[str]:
    found = []
    if augment.flip:
        found.append(f"mirrored left to right (probability {augment.flip:g})")
    if augment.vertical_flip:
        found.append(f"mirrored top to bottom (probability {augment.vertical_flip:g})")
    if augment.rotation and augment.rotation_probability:
        some = augment.rotation_probability
        found.append(
            f"rotated by up to ±{augment.rotation:g}°"
            + ("" if some == 1 else f" (probability {some:g})")
        )
    low, high = augment.scale
    if (low, high) != (1, 1):
        found.append(f"zoomed by a factor of {low:g} to {high:g} (log-uniform)")
    # the windows of a crop lie at random places already
    windows = recipe.data.fit in ("crop", "tiles") and recipe.data.tile is None
    if augment.shift and not windows:
        found.append(f"shifted by up to ±{share(augment.shift)} of their size")
    colors = []
    if augment.contrast:
        colors.append(f"in contrast by a factor within 1 ± {augment.contrast:g}")
    if augment.brightness:
        colors.append(f"in brightness by up to ±{share(augment.brightness)} of the full range")
    if colors and augment.color_probability:
        some = augment.color_probability
        found.append(
            f"changed {listing(colors)}" + ("" if some == 1 else f" (probability {some:g})")
        )
    if augment.blur:
        found.append(f"blurred (Gaussian, sigma 0.3 to 1.5 px, probability {augment.blur:g})")
    return found


def pixels(size: Sequence[int]) -> str:
    """(height, width) in words.

    >>> pixels((256, 320))
    '256 x 320 px (height x width)'
    >>> pixels((64, 64))
    '64 x 64 px'
    """
    height, width = size
    return f"{height} x {width} px" + ("" if height == width else " (height x width)")


def _numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.3f}' for value in values)})"
