"""dataset.yaml edited: what is not meant stays byte by byte."""

import pytest
import yaml

from intarsia.datasets.description_text import edit_description

TEXT = """# ours
classes:   # two
  - sky    # above

  - road
splits:
  train: [a,
          b]
  val:
    - c
# between
ignore_index: 255  # void
"""


def test_only_the_keys_meant_change():
    new, lost = edit_description(TEXT, {"splits": {"file": "splits.csv"}, "groups": "regex:^(p)"})
    assert new == (
        "# ours\nclasses:   # two\n  - sky    # above\n\n  - road\n"
        "splits: {file: splits.csv}\n# between\nignore_index: 255  # void\ngroups: regex:^(p)\n"
    )
    assert lost == []


def test_comments_inside_of_what_is_replaced_are_lost_and_said():
    new, lost = edit_description("splits:\n  # why\n  val: [a]\n", {"splits": "s.csv"})
    assert new == "splits: s.csv\n"
    assert lost == ["the comments in splits:"]


@pytest.mark.parametrize("text", ["", "\n", "# only this\n", "# no end"])
def test_from_nothing(text):
    new, lost = edit_description(text, {"groups": ["a: b", "none"]})
    assert yaml.safe_load(new) == {"schema": 1, "groups": ["a: b", "none"]}
    assert new.startswith(text.strip())
    assert lost == []


def test_one_line_of_flow_is_written_anew():
    new, lost = edit_description("{classes: [a, b], splits: {val: [x]}}  # c\n", {"splits": "t"})
    assert yaml.safe_load(new) == {"classes": ["a", "b"], "splits": "t"}
    assert lost == ["the comments of dataset.yaml"]


@pytest.mark.parametrize(
    "value",
    ["x", "'x'", '"x y"', "[a, b]", "{val: [a]}", "\n  val: [a]", "\n- a\n- b", "|\n  a\n  b", ""],
)
def test_every_form_of_value_is_replaced_whole(value):
    new, _ = edit_description(f"a: 1\nsplits: {value}\nb: 2\n", {"splits": "t"})
    assert new == "a: 1\nsplits: t\nb: 2\n"
    assert edit_description(f"a: 1\nsplits: {value}", {"splits": "t"})[0] == "a: 1\nsplits: t\n"
