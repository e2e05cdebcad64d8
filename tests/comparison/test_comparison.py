"""What a comparison says of itself: as text, as JSON, in a notebook."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from intarsia.comparison import Contender, Remark
from intarsia.errors import DataError
from intarsia.statistics import Estimand

from .made_comparison import made_comparison

RUN_KEYS = {
    "name", "recipe", "folders", "seeds", "repeats", "failures", "value", "miou", "interval",
    "estimates", "primary", "classes", "parameters", "multiply_adds", "training_seconds", "epochs",
    "images_per_second", "evaluation_seconds", "milliseconds_per_image", "peak_memory_bytes",
    "trained_on", "leaks", "chosen_on", "test_looks",
}  # fmt: skip


def test_the_json_is_plain_and_whole() -> None:
    found = made_comparison(["a", "b", "c"], repeats=2)
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert content == found.to_json()
    assert content["schema"] == 1
    assert (content["images"], content["groups"], content["unit"]) == (12, 12, "image")
    assert content["primary"]["metric"] == "miou"
    assert content["ranking"] == ["c", "b", "a"]
    assert [(pair["a"], pair["b"]) for pair in content["pairs"]] == [
        ("a", "b"), ("a", "c"), ("b", "c"),
    ]  # fmt: skip
    for pair in content["pairs"]:
        assert {"difference", "interval", "p_value", "p_adjusted", "verdict"} <= set(pair)
    for run in content["runs"]:
        assert set(run) == RUN_KEYS
        assert run["repeats"] == 2


def test_it_can_be_asked() -> None:
    found = made_comparison(["mini", "large"])
    assert found["mini"] is found.entries[0]
    with pytest.raises(DataError, match='"larg" takes no part') as caught:
        found["larg"]
    assert 'did you mean "large"' in str(caught.value)
    assert found.pair("large", "mini") is found.pair("mini", "large") is found.pairs[0]
    with pytest.raises(DataError, match="no pair of this comparison"):
        found.pair("mini", "mini")


def test_the_text_has_ranking_differences_and_remarks() -> None:
    found = replace(
        made_comparison(["mini", "large"]),
        failed=(Contender("broken", failures=("repeat 0 failed: no memory",)),),
        remarks=(Remark("leak", "mini."),),
    )
    text = str(found)
    lines = text.splitlines()
    assert lines[0] == "made, val: 12 images; macro mIoU"
    assert lines[3].startswith("large")
    assert lines[4].startswith("mini")
    assert lines[3].startswith("large (annotator)")
    assert "broken             failed: repeat 0 failed: no memory" in text
    assert f"{found['mini'].primary.value:.4f}" in lines[4]
    assert "0.00 M" in lines[4]
    assert str(found.pairs[0]) in lines
    assert lines[-1] == "LEAK: mini."
    assert len({len(line) for line in lines[2:5]}) == 1  # aligned


def test_one_group_and_one_image_are_singular() -> None:
    found = replace(made_comparison(["a", "b"], images=2), groups=("g", "g"))
    assert found.headline() == "made, val: 2 images in 1 group; macro mIoU"
    assert replace(found, files=("x",), groups=("x",)).headline() == (
        "made, val: 1 image; macro mIoU"
    )


def test_the_primary_figure_names_its_class() -> None:
    found = replace(made_comparison(["a", "b"]), estimand=Estimand("miou", (1,)))
    assert found.metric_name == "IoU of box"
    assert found.to_json()["primary"]["classes"] == [1]


def test_what_has_no_figure_comes_last() -> None:
    found = made_comparison(["a", "b", "c"])
    none = replace(found.entries[2], primary=replace(found.entries[2].primary, value=None))
    ranked = replace(found, entries=(none, *found.entries[:2])).ranking
    assert [entry.name for entry in ranked] == ["b", "a", "c"]


def test_a_notebook_shows_it_with_names_made_safe() -> None:
    found = made_comparison(["<b>", "x & y"])
    page = found._repr_html_()
    assert "&lt;b&gt;" in page
    assert "x &amp; y" in page
    assert "<b>" not in page
