"""The model card: what a model was made of, how good it is, and what it cannot do.

Its headings follow Mitchell et al., "Model cards for model reporting" (FAT* 2019).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from intarsia.bundles import Description
from intarsia.exporting.gate import Gate
from intarsia.runs import CrossValidation, Run

SCHEMA = 1
IN_FOLDS = "in folds"  # of a cross-validation: each image has trained all networks but one
_WEAK = 0.5  # IoU below which a class is named among the limits


def model_card(run: Run, described: Description, gate: Gate) -> dict[str, Any]:
    """The card as JSON; n/a is None."""
    samples = run.manifest["samples"]
    folded = isinstance(run, CrossValidation)
    counts = Counter(
        IN_FOLDS if folded and item.get("fold") is not None else item["split"] or "none"
        for item in samples
    )
    groups = {item["group"] for item in samples if item["group"]}
    used = json.loads(json.dumps(run.settings))
    sheets = {
        name: _sheet(sheet)
        for name, sheet in run.evaluations.items()
        if sheet.get("settings", {}) == used
    }
    recipe = run.recipe
    card: dict[str, Any] = {
        "schema": SCHEMA,
        "name": described.name,
        "intarsia": described.version,
        "license": described.license or None,
        "model": {
            "architecture": recipe.model.name,
            "encoder": recipe.model.encoder,
            "parameters": run.summary.get("parameters"),
            "precision": described.precision,
            "runtimes": list(described.runtimes),
            "size": None if described.size is None else list(described.size),
        },
        "data": {
            "name": described.data,
            "images": dict(sorted(counts.items())),
            "groups": len(groups) or None,
            "channels": len(described.preprocessing.mean),
            "channel_names": list(described.channel_names),
            "scaling": described.preprocessing.scaling.to_json(),
            "classes": described.labels.names,
            "ignored": list(run.manifest.get("ignored", ())),
        },
        "training": {
            "epochs": run.summary.get("epochs"),
            "image_size": list(recipe.data.image_size),
            "weights": recipe.train.weights,
            "seed": recipe.train.seed,
            "loss": recipe.loss.name,
        },
        "test_looks": run.test_looks,
        "evaluations": sheets,
        "gate": gate.to_json(),
    }
    card["limits"] = _limits(card, run)
    return card


def _sheet(sheet: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a metric sheet that a reader of the card needs."""
    keys = (
        "data", "split", "selection", "images", "miou", "mean_dice", "pixel_accuracy",
        "majority_accuracy", "intervals", "classes",
    )  # fmt: skip
    return {key: sheet.get(key) for key in keys}


def _limits(card: Mapping[str, Any], run: Run) -> list[str]:
    data, model = card["data"], card["model"]
    images = data["images"]
    trained = images.get("train") or images.get(IN_FOLDS) or sum(images.values())
    limits = [
        f"It was trained on {trained} images of {data['name']}. How good it is on images of "
        "another origin (camera, scale, light, place) was not measured."
    ]
    if isinstance(run, CrossValidation):
        limits.append(
            "Most of its networks were trained on the images of the gate: the mIoU there is no "
            "measure of how good it is."
        )
    elif not run.finished:
        limits.append("Its training was stopped before its end.")
    if not any(sheet["split"] == "test" for sheet in card["evaluations"].values()):
        limits.append("It was not measured on a test split.")
    for sheet in card["evaluations"].values():
        if sheet["selection"]:
            limits.append(
                f"The split {sheet['split']} chose the checkpoint: its figures are a little better "
                "than the truth."
            )
        weak = [
            f"{row['name']} ({row['iou']:.2f})"
            for row in sheet["classes"]
            if row["iou"] is not None and row["iou"] < _WEAK
        ]
        if weak:
            limits.append(f"Weak classes on {sheet['split']}, with their IoU: {', '.join(weak)}.")
        absent = [row["name"] for row in sheet["classes"] if not row["support"]]
        if absent:
            limits.append(f"Not judged on {sheet['split']}, as it shows none: {', '.join(absent)}.")
    if data["ignored"]:
        limits.append(f"Ignored in training: {', '.join(data['ignored'])}.")
    if model["size"] is not None:
        height, width = model["size"]
        limits.append(
            f"The network takes {height}x{width} px only; other images are fitted or tiled to that."
        )
    if model["precision"] != "fp32":
        limits.append(
            f"It computes in {model['precision']}: single pixels differ from the run that was "
            "measured, the mIoU by what the gate says."
        )
    return limits


def card_text(card: Mapping[str, Any], gate: Gate) -> str:
    """The card as Markdown."""
    model, data, training = card["model"], card["data"], card["training"]
    encoder = f" on {model['encoder']}" if model["encoder"] else ""
    size = "any" if model["size"] is None else "{}x{} px only".format(*model["size"])
    images = ", ".join(f"{count} {split}" for split, count in data["images"].items())
    lines = [
        f"# {card['name']}",
        "",
        f"Semantic segmentation, exported by Intarsia {card['intarsia']}. "
        f"Licence of the model: {card['license'] or 'not stated'}.",
        "",
        "| model | |",
        "|---|---|",
        f"| architecture | {model['architecture']}{encoder} |",
        f"| parameters | {model['parameters'] or 'n/a'} |",
        f"| precision | {model['precision']}, in {' or '.join(model['runtimes'])} |",
        f"| image size | {size} |",
        f"| data | {_cell(data['name'])}: {images} images |",
        f"| channels | {', '.join(map(_cell, data['channel_names'])) or data['channels']}, "
        f"{data['scaling']['rule']} |",
        f"| classes | {', '.join(map(_cell, data['classes']))} |",
        f"| training | {training['epochs'] or 'n/a'} epochs at "
        f"{training['image_size'][0]}x{training['image_size'][1]} px, {training['loss']}, "
        f"weights {_cell(training['weights'])}, seed {training['seed']} |",
        "",
        "## How good it is",
        "",
    ]
    for sheet in card["evaluations"].values():
        lines += [f"On {sheet['split']} of {sheet['data']} ({sheet['images']} images):", ""]
        lines += ["| | IoU | 95 % interval | Dice |", "|---|---|---|---|"]
        between = sheet["intervals"] or {}
        rows = [("mean", sheet["miou"], between.get("miou"), sheet["mean_dice"])]
        by_class = between.get("iou") or {}
        rows += [
            (_cell(row["name"]), row["iou"], by_class.get(row["name"]), row["dice"])
            for row in sheet["classes"]
        ]
        lines += [
            f"| {name} | {_ratio(iou)} | {_between(interval)} | {_ratio(dice)} |"
            for name, iou, interval, dice in rows
        ]
        lines.append("")
    if not card["evaluations"]:
        lines += ["The run holds no metric sheet of this way to use it.", ""]
    if card["test_looks"]:
        times = "once" if card["test_looks"] == 1 else f"{card['test_looks']} times"
        lines += [f"The run has been measured on a test split {times}.", ""]
    lines += [
        "## Limits",
        "",
        *(f"- {text}" for text in card["limits"]),
        "",
        "## Run and export on the same images",
        "",
        "```",
        str(gate),
        "```",
        "",
    ]
    return "\n".join(lines)


def _ratio(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _between(interval: Mapping[str, Any] | None) -> str:
    if interval is None or interval["low"] is None:
        return "n/a"
    return f"{interval['low']:.3f} to {interval['high']:.3f}"


def _cell(text: str) -> str:
    """A name that does not end its cell."""
    return text.replace("|", "\\|").replace("\n", " ")
