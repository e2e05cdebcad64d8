"""Networks in words: what an architecture and its encoder are called, and their papers."""

from __future__ import annotations

import re

from intarsia.recipe import Recipe

# without an encoder that is named apart: what there is to say, with its sources
NETWORKS = {
    "conv-unet": "a U-shaped network [@ronneberger2015unet] of 1 x 1 convolutions",
    "conv-unet-3x3": "a U-shaped network [@ronneberger2015unet] of 3 x 3 convolutions",
    "deeplabv3": "a DeepLabV3 [@chen2017rethinking]",
    "deeplabv3-xception": "a DeepLabV3 [@chen2017rethinking]",
    "deeplabv3plus": "a DeepLabV3+ [@chen2018encoder]",
    "deeplabv3plus-resnet34": "a DeepLabV3+ [@chen2018encoder]",
    "dpt": "a dense prediction transformer [@ranftl2021vision]",
    "fpn": "a feature pyramid network [@lin2017feature]",
    "inception-unet": "a U-shaped network [@ronneberger2015unet] of inception blocks "
    "[@szegedy2017inception]",
    "linknet": "a LinkNet [@chaurasia2017linknet]",
    "manet": "an MA-Net [@fan2020manet]",
    "mini-unet": "a U-Net [@ronneberger2015unet] with batch normalisation",
    "mobilenetv2-pix2pix-unet": "a U-shaped network [@ronneberger2015unet] with the transposed "
    "convolutions of pix2pix [@isola2017image]",
    "pan": "a pyramid attention network [@li2018pyramid]",
    "pspnet": "a pyramid scene parsing network [@zhao2017pyramid]",
    "resnet18-deconv": "a decoder of transposed convolutions",
    "resnet18-deconv-skip": "a decoder of transposed convolutions with added skips",
    "segformer": "a SegFormer decoder [@xie2021segformer]",
    "unet": "a U-Net [@ronneberger2015unet]",
    "unet-mobilenetv2": "a U-Net [@ronneberger2015unet]",
    "unet-resnet34": "a U-Net [@ronneberger2015unet]",
    "unetplusplus": "a UNet++ [@zhou2018unetplusplus]",
    "upernet": "a UPerNet [@xiao2018unified]",
}

# timm's names, as far as one of them means one paper
_ENCODERS = {
    r"mobilenetv2_\d+": "MobileNetV2 [@sandler2018mobilenetv2]",
    r"resnet(18|34|50|101|152)": "{} [@he2016deep]",
    r"efficientnet_b\d": "{} [@tan2019efficientnet]",
    r"convnext_(tiny|small|base|large)": "{} [@liu2022convnet]",
    r"swin_(tiny|small|base|large)_.*": "{} [@liu2021swin]",
    r"vit_(tiny|small|base|large)_.*": "{} [@dosovitskiy2021image]",
    r"deit_.*": "{} [@touvron2021training]",
    r"xception41": "aligned Xception [@chollet2017xception; @chen2018encoder]",
    r"pvt_v2_.*": "{} [@wang2022pvt]",
}


def network(recipe: Recipe) -> str:
    """The network of a recipe, with its article.

    >>> network(Recipe.load("unet-mobilenetv2"))
    'a U-Net [@ronneberger2015unet] on the encoder MobileNetV2 [@sandler2018mobilenetv2]'
    """
    name = NETWORKS.get(recipe.model.name, f"the network `{recipe.model.name}`")
    encoder = encoder_name(recipe)
    text = name if encoder is None else f"{name} on the encoder {_encoder(encoder)}"
    details = []
    if recipe.model.output_stride is not None:
        details.append(f"output stride {recipe.model.output_stride}")
    if recipe.model.atrous_rates is not None:
        details.append(f"atrous rates {', '.join(map(str, recipe.model.atrous_rates))}")
    if recipe.model.head == "sigmoid":
        details.append("one sigmoid output for two classes")
    return f"{text} with {' and '.join(details)}" if details else text


def encoder_name(recipe: Recipe) -> str | None:
    """timm's name of the encoder; None where the network has none."""
    from intarsia.models import pretrained_name

    return pretrained_name(recipe.model.name, recipe.model.encoder)


def _encoder(name: str) -> str:
    base = name.partition(".")[0]
    for pattern, words in _ENCODERS.items():
        if re.fullmatch(pattern, base):
            return words.format(f"`{name}`")
    return f"`{name}`"
