"""The methods paragraph: true of these runs, and cited as it should be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from kept_runs import comparison, entry, keep_run, manifest, matrices

from intarsia.comparison import Comparison, Contender, Entry
from intarsia.recipe import Recipe
from intarsia.recipe.recipe import recipe_names
from intarsia.reporting.methods import methods_text, write_methods
from intarsia.reporting.methods.networks import NETWORKS
from intarsia.reporting.methods.references import bibliography, known_entries

CITED = re.compile(r"@([a-z]+[0-9]{4}[a-z0-9]*)")


def trained(folder: Path, name: str, recipe: Recipe, seeds: Sequence[int] = (0,)) -> Contender:
    runs = [
        keep_run(folder / f"runs/{name}/repeat-{n}", recipe.replace(**{"train.seed": seed}))
        for n, seed in enumerate(seeds)
    ]
    return Contender(name, tuple(runs))


def two(tmp_path: Path, repeats: int = 1, images: int = 24, groups: int = 0) -> Comparison:
    entries = []
    for name, right in (("unet-mobilenetv2", 90), ("mini-unet", 70)):
        contender = trained(tmp_path, name, Recipe.load(name), range(repeats))
        found = [matrices(images, right, seed) for seed in range(repeats)]
        entries.append(entry(contender, found))
    names = [f"drive {n * groups // images}" for n in range(images)] if groups else None
    return comparison(entries, groups=names)


def alone(tmp_path: Path, recipe: Recipe, **changes: object) -> str:
    """The text of two runs of one recipe."""
    entries: list[Entry] = []
    for name, right in (("a", 90), ("b", 89)):
        made = entry(trained(tmp_path, name, recipe), [matrices(24, right)], **changes)
        entries.append(made)
    return methods_text(comparison(entries))


def test_what_is_cited_is_in_the_bibliography_and_nothing_else(tmp_path: Path) -> None:
    write_methods(two(tmp_path, repeats=2), tmp_path)
    text = (tmp_path / "methods.md").read_text(encoding="utf-8")
    references = (tmp_path / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@[a-z]+\{(\S+),$", references, re.MULTILINE)
    assert len(keys) > 10
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(CITED.findall(text))


def test_the_bibliography_is_well_formed() -> None:
    entries = known_entries()
    for key, text in entries.items():
        kind, body = re.fullmatch(r"@([a-z]+)\{[a-z0-9]+,\n(.*)\n\}\n", text, re.DOTALL).groups()  # type: ignore[union-attr]
        assert text.count("{") == text.count("}"), key
        fields = {}
        for line in body.split("\n"):
            found = re.fullmatch(r"  ([a-z]+) = \{(.+)\},?", line)
            assert found is not None, line
            fields[found[1]] = found[2]
        needed = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}
        for field in ("author", "title", "year", *filter(None, [needed.get(kind)])):
            assert fields.get(field), (key, field)
        assert fields["year"] in key
        assert all(" and " not in part or "," in part for part in [fields["author"]])


def test_a_name_that_looks_like_a_citation_is_none() -> None:
    assert bibliography("`x` and [@nobody1999nothing] and @holm1979simple") == ""
    assert bibliography("[@holm1979simple; @cohen1988statistical]").count("year") == 2


def test_every_network_and_recipe_has_words(tmp_path: Path) -> None:
    from intarsia.models import model_names

    assert set(model_names()) == set(NETWORKS)
    known = known_entries()
    for name in recipe_names():
        text = alone(tmp_path / name, Recipe.load(name))
        assert set(CITED.findall(text)) <= set(known), name
        assert not re.search(r"None|\{|\}|  |\.\.| ,|nan", text), (name, text)


def test_what_all_share_is_said_once_and_what_differs_of_each(tmp_path: Path) -> None:
    text = methods_text(two(tmp_path))
    assert "`unet-mobilenetv2` is a U-Net [@ronneberger2015unet] on the encoder MobileNetV2" in text
    assert "`mini-unet` is a U-Net [@ronneberger2015unet] with batch normalisation" in text
    assert "`unet-mobilenetv2` started from weights of the encoder pre-trained on ImageNet" in text
    assert "`mini-unet` started from random weights" in text
    assert text.count("one-cycle") + text.count("one cycle") == 1
    assert "All networks were trained on 40 images of `street`, with 24 images" in text
    assert "`unet-mobilenetv2` was trained for 40 epochs (1 min 15 s, validation included)" in text
    assert "`mini-unet` was trained for 30 epochs" in text


def test_the_data_are_told_as_the_manifest_has_them(tmp_path: Path) -> None:
    text = methods_text(two(tmp_path))
    assert r"2 classes: Sky and Side\_walk & kerb." in text
    assert "Pixels labelled Unlabelled and pixels without a label took no part" in text
    assert "As to the split, no val is given: 15 % of train becomes val by seed 0." in text
    assert "compared on the 24 images of the split `val`" in text
    assert "Each of these images counts as independent" in text


def test_groups_and_the_rule_that_made_them(tmp_path: Path) -> None:
    made = two(tmp_path, groups=5)
    assert "They form 5 groups of 4 to 5 images, as the data set has them." in methods_text(made)
    from dataclasses import replace

    text = methods_text(replace(made, group_by="blocks:5"))
    assert "frames of one of 5 equal runs of a recording (rule `blocks:5`)" in text
    assert "The unit of resampling is the group (5 of them)." in text


def test_one_training_each_is_tested_by_swaps(tmp_path: Path) -> None:
    text = methods_text(two(tmp_path))
    assert "4,999 random ones" in text
    assert "@good2000permutation" in text
    assert "Satterthwaite" not in text
    assert "t-test with that standard error" not in text
    assert "Holm" not in text  # one pair
    few = methods_text(two(tmp_path / "few", images=9))
    assert "all 512 ways to do so were tried" in few


def test_repeats_are_a_second_source_of_error(tmp_path: Path) -> None:
    text = methods_text(two(tmp_path, repeats=3))
    assert "trained 3 times (seeds 0, 1 and 2); the seed decides" in text
    assert "@satterthwaite1946approximate" in text
    assert "two-sided t-test with that standard error" in text
    assert "swapping" not in text


def test_several_pairs_are_corrected(tmp_path: Path) -> None:
    recipe = Recipe.load("mini-unet")
    entries = [
        entry(trained(tmp_path, name, recipe), [matrices(20, right)])
        for name, right in (("a", 90), ("b", 80), ("c", 70))
    ]
    text = methods_text(comparison(entries, margin=0.02))
    assert "The p-values of all 3 pairs were adjusted after Holm [@holm1979simple]." in text
    assert "within ±0.02 at the level 0.05, adjusted after Holm among themselves" in text


def test_only_what_was_used_is_said(tmp_path: Path) -> None:
    plain = Recipe.load("mini-unet")
    text = alone(tmp_path / "plain", plain)
    for word in ("CRF", "mirrored image", "scales", "snapshots", "Lovász", "frozen", "epoch 0"):
        assert word not in text
    used = plain.replace(
        **{
            "predict.crf": True,
            "predict.flip": True,
            "loss.name": "cross-entropy+lovasz",
            "loss.class_weights": "frequency",
            "train.validate_every": 3,
        }
    )
    text = alone(tmp_path / "used", used)
    assert "averaged with those of the mirrored image and refined by a fully connected" in text
    assert "measured after every 3 epochs and after the last one" in text
    assert "That choice was made without mirrored copies and the CRF." in text
    assert "the sum of cross-entropy and Lovász-Softmax loss [@berman2018lovasz]" in text
    assert "Classes were weighted in the cross-entropy by the inverse of their share" in text


def test_weights_of_a_file_are_not_said_to_be_of_imagenet(tmp_path: Path) -> None:
    recipe = Recipe.load("unet-mobilenetv2").replace(**{"train.weights": "/there/own.pth"})
    text = alone(tmp_path, recipe)
    assert "from weights of the encoder in the file `own.pth`" in text
    assert "/there" not in text
    assert "@deng2009imagenet" not in text


def test_the_time_that_was_given(tmp_path: Path) -> None:
    made = two(tmp_path)
    for each in made.entries:
        recipe = each.contender.runs[0].recipe.replace(**{"train.time": 360.0})
        (tmp_path / "recipes").mkdir(exist_ok=True)
        recipe.save(tmp_path / f"recipes/{each.name}.yaml")
    text = methods_text(made)
    assert "Each training was given 6 min." in text
    assert "given" not in methods_text(two(tmp_path / "other")).replace("no val is given", "")


def test_selection_leaks_and_looks(tmp_path: Path) -> None:
    clean = alone(tmp_path / "clean", Recipe.load("mini-unet"))
    assert "An automatic check of the split found no image, near duplicate or group" in clean
    assert "none of the runs has been measured on a test split" in clean
    told = alone(
        tmp_path / "told",
        Recipe.load("mini-unet"),
        leaks=("interleaved-sequence: frames of drive_1 alternate. val/3 beside train/2.",),
        chosen_on=24,
        test_looks=2,
    )
    assert (
        r"The split that `a` and `b` were trained with leaks: frames of drive\_1 alternate." in told
    )
    assert "An automatic check" not in told
    assert "These images also chose the checkpoint of `a` and `b`" in told
    assert "`a` 2 times and `b` 2 times" in told


def test_a_second_annotator_is_no_network(tmp_path: Path) -> None:
    run = trained(tmp_path, "net", Recipe.load("mini-unet"))
    people = Contender("people", annotator=tmp_path)
    entries = [entry(run, [matrices(20, 90)]), entry(people, [matrices(20, 97)])]
    text = methods_text(comparison(entries))
    assert "`people` are masks of these images by a second annotator" in text
    assert "The network was trained on 40 images" in text
    assert "`people` was trained" not in text


def test_machines_that_differ_are_told_apart(tmp_path: Path) -> None:
    recipe = Recipe.load("mini-unet").replace(**{"train.precision": "bf16"})
    one = keep_run(tmp_path / "a", recipe)
    gpu = {"device": "NVIDIA T4", "cores": 8, "git_commit": "abc"}
    other = keep_run(tmp_path / "b", recipe, environment=gpu)
    data = manifest({"train": 40, "val": 20, "test": 5})
    third = keep_run(tmp_path / "c", recipe, data=data)
    entries = [
        entry(Contender(run.name, (run,)), [matrices(20, right)])
        for run, right in ((one, 90), (other, 80), (third, 70))
    ]
    text = methods_text(comparison(entries))
    assert "The trainings of `a` and `c` ran on the CPU (A CPU, 2 cores, 2 threads)" in text
    assert "the trainings of `b` ran on NVIDIA T4 (CPU: A CPU, 8 cores, 2 threads)" in text
    assert "All networks were trained in mixed precision (bfloat16)." in text
    assert "Intarsia 0.1.0, Python 3.11.7, PyTorch [@paszke2019pytorch] 2.9.1 and timm" in text
    assert "those of `b` were started in a working copy at git commit `abc`" in text
    assert "`c` was trained on 40 images of `street`, with 20 images for validation" in text


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop", "tiles"])
def test_each_fit_has_its_words(tmp_path: Path, fit: str) -> None:
    recipe = Recipe.load("mini-unet").replace(**{"data.fit": fit, "data.image_size": (64, 96)})
    text = alone(tmp_path, recipe)
    assert "64 x 96 px (height x width)" in text
    assert ("Hann" in text) == (fit in ("crop", "tiles"))
    assert ("shifted" in text) == (fit in ("letterbox", "stretch"))
