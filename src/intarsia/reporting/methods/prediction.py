"""How masks were predicted, in sentences."""

from __future__ import annotations

from intarsia.comparison import Comparison, Entry
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.recipe import Recipe
from intarsia.reporting.methods.samples import pixels
from intarsia.reporting.methods.wording import code, each, listing, share
from intarsia.runs import CrossValidation


def prediction_sentences(comparison: Comparison, trained: tuple[Entry, ...]) -> list[str]:
    """From an image to the mask that is compared with its truth."""
    recipes = {entry.name: entry.contender.runs[0].recipe for entry in trained}
    images = ("Images", "Images")
    were = ("were", "were")
    sentences = [
        each({n: _shown(r) for n, r in recipes.items()}, images, were, "for {}, images"),
        each(
            {name: _averaged(recipe) for name, recipe in recipes.items()},
            ("Probabilities", "Probabilities"),
            were,
            "the probabilities of {}",
        ),
    ]
    decided = {name: _decided(recipe) for name, recipe in recipes.items()}
    sentences.append(each(decided, ("A pixel", "A pixel"), ("got", "got"), "a pixel of {}"))
    folded = [e for e in trained if isinstance(e.contender.runs[0], CrossValidation)]
    for entry in folded:
        how = "the probabilities of all folds were averaged"
        if comparison.split == OUT_OF_FOLD:
            how = "each image was predicted by the fold that was not trained on it"
        sentences.append(f"Of {code(entry.name)}, {how}.")
    return sentences


def _shown(recipe: Recipe) -> str:
    data, predict = recipe.data, recipe.predict
    size = pixels(data.image_size)
    back = "and the probabilities resized bilinearly to the size of the image"
    if data.fit == "letterbox":
        return f"made to fit {size} as in training, {back}"
    if data.fit == "stretch":
        return f"resized to {size} as in training, {back}"
    if data.fit == "grid":
        return f"cut into cells as in training, {back}"
    blended = f"overlap by {share(predict.overlap)} and were blended with Hann weights"
    if data.fit == "tiles":
        larger = f"where they were larger than {size}, in tiles of that size that {blended}"
        if data.tile is not None and data.tile != data.image_size:
            factor = data.tile[0] // data.image_size[0]
            return f"shrunk by {factor} and shown whole or, {larger}; {back}"
        return f"shown whole or, {larger}"
    longest = data.longest_side
    text = "shown whole at their own resolution"
    if longest is not None:
        text = f"shown whole, shrunk to {longest} px on the longer side where that was more, {back}"
    if longest is None or longest**2 > predict.max_pixels:
        text += (
            f"; where they had more than {predict.max_pixels:,} px, in tiles of {size} that "
            f"{blended}"
        )
    return text


def _averaged(recipe: Recipe) -> str:
    predict = recipe.predict
    parts = []
    if predict.flip:
        parts.append("averaged with those of the mirrored image")
    if predict.scales != (1.0,):
        parts.append(f"averaged over copies at the scales {_numbers(predict.scales)}")
    if predict.ensemble:
        parts.append("averaged over the snapshots of the training")
    if predict.crf:
        parts.append(
            "refined by a fully connected conditional random field [@krahenbuhl2011efficient; "
            f"@adams2010fast] ({predict.crf_iterations} mean-field iterations; kernel weights "
            f"{_numbers(predict.crf_weights)}; kernel sizes {_numbers(predict.crf_sizes)})"
        )
    return listing(parts) if parts else "neither averaged over copies nor refined"


def _decided(recipe: Recipe) -> str:
    threshold = recipe.predict.threshold
    if threshold is None:
        return "the most probable class"
    tempered = ""
    if recipe.predict.temperature != 1:
        tempered = ", its logarithm divided by a temperature fitted on the validation images,"
        if recipe.predict.temperature != "fitted":
            tempered = f", its logarithm divided by {recipe.predict.temperature:g},"
    return f"the second class where its probability{tempered} was above {threshold:g}"


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
