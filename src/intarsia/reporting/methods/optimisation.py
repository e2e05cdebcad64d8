"""What was minimised and how, in clauses: first weights, loss, optimiser, learning rate."""

from __future__ import annotations

from pathlib import Path

from intarsia.recipe import Recipe
from intarsia.reporting.methods.networks import encoder_name
from intarsia.reporting.methods.wording import code, listing, share

_TERMS = {
    "cross-entropy": "cross-entropy",
    "dice": "soft Dice loss [@milletari2016vnet]",
    "focal": "focal loss [@lin2017focal] with gamma {gamma:g}",
    "lovasz": "Lovász-Softmax loss [@berman2018lovasz]",
}
_OPTIMIZERS = {
    "adamw": "AdamW [@loshchilov2019decoupled]",
    "adam": "Adam [@kingma2015adam]",
    "sgd": "stochastic gradient descent with Nesterov momentum of 0.9",
}
_WEIGHTS_FILES = (".safetensors", ".pth", ".pt")


def first_weights(recipe: Recipe) -> str:
    """Where training began: "the network started from ..."."""
    source = recipe.train.weights
    if source == "none":
        return "from random weights"
    if source == "imagenet":
        # by whom, nobody records: a file in the weights folder comes before timm's
        return (
            "from weights of the encoder pre-trained on ImageNet [@deng2009imagenet] and random "
            "ones elsewhere"
        )
    path = Path(source)
    if path.suffix in _WEIGHTS_FILES:
        return (
            f"from weights of the encoder in the file {code(path.name)} and random ones elsewhere"
        )
    return f"from the weights of the run {code(path.name)}"


def loss(recipe: Recipe) -> str:
    """What was minimised: "training minimised ..."."""
    settings = recipe.loss
    names = settings.name.split("+")
    terms = [_TERMS[name].format(gamma=settings.gamma) for name in names]
    return terms[0] if len(terms) == 1 else f"the sum of {' and '.join(terms)}"


def class_weights(recipe: Recipe) -> str:
    """How classes were weighed: "classes were ..."."""
    settings = recipe.loss
    weighed = [name for name in settings.name.split("+") if name in ("cross-entropy", "focal")]
    if not weighed or settings.class_weights == "none":
        return "not weighted"
    if settings.class_weights == "frequency":
        power = settings.weight_power
        weights = "the inverse of their share of the training pixels"
        weights += "" if power == 1 else f", to the power {power:g}"
    else:
        weights = ", ".join(f"{weight:g}" for weight in settings.class_weights)
    of = "cross-entropy" if weighed == ["cross-entropy"] else "focal loss"
    return f"weighted in the {of} by {weights}"


def optimizer(recipe: Recipe) -> str:
    """How it was minimised: "the network was ..."."""
    train = recipe.train
    return f"optimised by {_OPTIMIZERS[train.optimizer]} in batches of {train.batch_size}"


def rate(recipe: Recipe) -> str:
    """The highest learning rate: "the learning rate was ..."."""
    return f"at most {recipe.train.lr:g}{_encoder_rate(recipe)}"


def restraints(recipe: Recipe) -> str:
    """What held the weights back: "the network was trained with ..."."""
    train = recipe.train
    parts = ["no weight decay"]
    if train.weight_decay:
        parts = [f"a weight decay of {train.weight_decay:g} (none on biases and normalisation)"]
    if train.clip_norm:
        parts.append(f"gradients clipped to a norm of {train.clip_norm:g}")
    if train.ema:
        parts.append(f"an exponential moving average of the weights (decay {train.ema:g})")
    return f"trained with {listing(parts)}"


def _encoder_rate(recipe: Recipe) -> str:
    """The encoder's own learning rate, where there is an encoder and it has one."""
    train = recipe.train
    if encoder_name(recipe) is None:
        return ""
    frozen = ""
    if train.freeze_epochs and train.encoder_lr_factor:
        frozen = f", frozen in the first {train.freeze_epochs} epochs"
    if train.encoder_lr_factor == 0:
        return " (the encoder frozen)"
    if train.encoder_lr_factor == 1:
        return f" (the encoder{frozen.removeprefix(',')})" if frozen else ""
    return f" ({train.encoder_lr_factor:g} of it in the encoder{frozen})"


def schedule(recipe: Recipe) -> str:
    """The learning rate: "the learning rate ..."."""
    settings = recipe.schedule
    rise = share(settings.warmup)
    match settings.name:
        case "one-cycle":
            return (
                f"followed one cycle [@smith2019super]: risen in the first {rise} of the steps and "
                "fallen to nearly zero in the others, both along half a cosine"
            )
        case "cosine":
            return "fell to zero along half a cosine [@loshchilov2017sgdr]"
        case "plateau":
            return (
                f"was multiplied by {settings.plateau_factor:g} after more than "
                f"{settings.plateau_patience} validations without gain"
            )
        case "snapshot":
            return (
                f"fell along half a cosine in each of {settings.cycles} cycles [@huang2017snapshot]"
            )
        case "constant":
            if not settings.warmup:
                return "was constant"
            return f"was constant after a rise in the first {rise} of the steps"
