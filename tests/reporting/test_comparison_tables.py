"""The tables of a comparison: plain values, and LaTeX that claims no more than the verdicts."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from kept_runs import comparison, entry, keep_run, manifest, matrices

from intarsia.comparison import Comparison, Contender
from intarsia.recipe import Recipe
from intarsia.reporting import write_comparison
from intarsia.reporting.comparison_latex import pairs_latex, runs_latex, unbeaten
from intarsia.reporting.comparison_tables import images_table, pairs_table, runs_table
from intarsia.reporting.tables import Table
from intarsia.statistics import Estimand

ODD = r"a_b%&#$~^\{}--[x]"


def three(tmp_path: Path, names: tuple[str, str, str] = ("good", "same", "bad")) -> Comparison:
    """Two runs that are alike, one clearly worse, on 20 images; an annotator; one that failed."""
    recipe = Recipe.load("mini-unet").replace(**{"train.epochs": 3})
    runs = [keep_run(tmp_path / f"run-{n}", recipe) for n in range(3)]
    good = matrices(20, 90)
    answers = [good, good.copy(), matrices(20, 60, seed=1)]
    entries = [
        entry(Contender(name, (run,)), [found])
        for name, run, found in zip(names, runs, answers, strict=True)
    ]
    # the annotator left 2 pixels of the first class out
    people = np.concatenate([matrices(20, 96, seed=2), np.zeros((20, 2, 1), np.int64)], axis=2)
    people[:, 0, 0] -= 2
    people[:, 0, 2] += 2
    entries.append(entry(Contender("people", annotator=tmp_path / "people"), [people]))
    return comparison(entries, failed=(Contender("broken", failures=("repeat 0 failed: no",)),))


def rows(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_a_row_a_run_the_best_first(tmp_path: Path) -> None:
    made = three(tmp_path)
    found = rows(runs_table(made))
    assert [row["name"] for row in found] == ["people", "good", "same", "bad", "broken"]
    good, entry_ = found[1], made["good"]
    interval = entry_.primary.interval
    assert interval is not None
    assert good["recipe"] == "mini-unet"
    assert good["repeats"] == "1"
    assert float(good["primary"]) == entry_.primary.value
    assert float(good["primary_low"]) == interval.low
    assert float(good["primary_high"]) == interval.high
    assert float(good["pixel_accuracy"]) == pytest.approx(np.trace(entry_.matrix) / 4000)
    hits, wrong = entry_.matrix[1, 1], entry_.matrix[0, 1] + entry_.matrix[1, 0]
    assert float(good["iou[Side_walk & kerb]"]) == pytest.approx(hits / (hits + wrong))
    assert float(good["iou_low[Sky]"]) < float(good["iou[Sky]"]) < float(good["iou_high[Sky]"])
    assert good["parameters"] == "6628945"
    assert good["training_seconds"] == "75.0"
    assert good["milliseconds_per_image"] == "41.5"


def test_what_is_not_available_is_an_empty_cell(tmp_path: Path) -> None:
    people, *_, broken = rows(runs_table(three(tmp_path)))
    assert people["parameters"] == people["training_seconds"] == people["leaks"] == ""
    assert broken["primary"] == broken["primary_metric"] == broken["iou[Sky]"] == ""
    assert broken["repeats"] == "0"
    assert broken["failures"] == "repeat 0 failed: no"


def test_a_row_a_pair(tmp_path: Path) -> None:
    made = three(tmp_path)
    found = {(row["a"], row["b"]): row for row in rows(pairs_table(made))}
    assert len(found) == 6
    row, pair = found["good", "bad"], made.pair("good", "bad")
    assert row["verdict_on_a"] == "better"
    assert float(row["difference"]) == pair.value
    assert float(row["p_adjusted"]) == pair.p_adjusted
    assert row["p_repeats"] == ""
    assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])
    assert found["good", "same"]["verdict_on_a"] == "equivalent"


def test_a_row_an_image_by_hand(tmp_path: Path) -> None:
    made = three(tmp_path)
    first = rows(images_table(made))[0]
    assert first["image"] == first["group"] == "val/000"
    (a, b), (c, d) = made["good"].matrices[0][0]
    assert float(first["miou[good]"]) == pytest.approx((a / (a + b + c) + d / (b + c + d)) / 2)
    # the pixels that the annotator left out are misses, and no false alarms of any class
    (a, b, e), (c, d, _) = made["people"].matrices[0][0]
    assert float(first["miou[people]"]) == pytest.approx(
        (a / (a + b + c + e) + d / (b + c + d)) / 2
    )


def test_an_image_without_a_label_has_no_figure(tmp_path: Path) -> None:
    run = keep_run(tmp_path / "a", Recipe.load("mini-unet"))
    blank = matrices(3, 90)
    blank[1] = 0
    entries = [entry(Contender(name, (run,)), [blank]) for name in "ab"]
    assert [row["miou[a]"] == "" for row in rows(images_table(comparison(entries)))] == [
        *(False, True, False)
    ]


def test_bold_are_the_runs_that_none_is_better_than(tmp_path: Path) -> None:
    made = three(tmp_path)
    assert [each.name for each in made.entries if unbeaten(made, each)] == ["good", "same"]
    lines = runs_latex(made).splitlines()
    bold = [line.partition(" &")[0] for line in lines if r"\textbf" in line]
    assert bold == ["good", "same"]


def test_nothing_is_bold_where_nothing_is_known(tmp_path: Path) -> None:
    run = keep_run(tmp_path / "a", Recipe.load("mini-unet"))
    entries = [entry(Contender(n, (run,)), [matrices(1, r)]) for n, r in (("a", 90), ("b", 50))]
    text = runs_latex(comparison(entries))
    assert r"\textbf" not in text
    assert re.search(r"a & 1 & 0\.\d{3} \(n/a\) &", text)


def test_the_caption_says_what_the_figures_are(tmp_path: Path) -> None:
    made = three(tmp_path)
    caption = runs_latex(made).partition(r"\caption{")[2].partition("\\label")[0]
    for words in (
        "Macro mIoU: IoU = TP / (TP + FP + FN)",
        "Unit of resampling: the image.",
        "street, val: 20 images.",
        r"In brackets, intervals at 95 \%, tests at 5 \%",
        "p-values adjusted after Holm for all 6 pairs",
        r"equivalence within $\pm$0.01",
        "The second annotator takes no part in that.",
    ):
        assert words in caption
    alone = comparison(made.entries[:2], groups=["x"] * 8 + ["y"] * 12)
    text = runs_latex(alone)
    assert "20 images in 2 groups." in text
    assert "Holm" not in text


def test_the_class_of_a_primary_figure_has_its_name(tmp_path: Path) -> None:
    run = keep_run(tmp_path / "a", Recipe.load("mini-unet"))
    of = Estimand("miou", (1,))
    entries = [
        entry(Contender(n, (run,)), [matrices(9, r)], estimand=of)
        for n, r in (("a", 90), ("b", 70))
    ]
    text = runs_latex(comparison(entries, estimand=of))
    assert r"\caption{IoU of Side\_walk \& kerb: IoU = TP" in text
    assert r"repeats & IoU of Side\_walk \& kerb & pixel" in text
    assert "class 1" not in text


def test_leaks_and_selection_are_in_the_table(tmp_path: Path) -> None:
    run = keep_run(tmp_path / "a", Recipe.load("mini-unet"))
    entries = [
        entry(Contender("a", (run,)), [matrices(9, 90)], leaks=("100 % alike",), chosen_on=9),
        entry(Contender("b", (run,)), [matrices(9, 70)]),
    ]
    text = runs_latex(comparison(entries))
    assert r"a$^\dagger$ &" in text
    assert r"$^\dagger$Trained with a split that leaks." in text
    assert "Checkpoints were chosen on these images" in text


def test_every_special_character_of_a_name_is_escaped(tmp_path: Path) -> None:
    made = three(tmp_path, (ODD, "[b", "*c"))
    escaped = r"a\_b\%\&\#\$\textasciitilde{}\textasciicircum{}\textbackslash{}\{\}-{}-{[}x{]}"
    for text in (runs_latex(made), pairs_latex(made)):
        assert f"\n{escaped} & " in text
        assert "{[}b & " in text
        # no row begins with what LaTeX takes for an option of the row before
        assert not re.search(r"\\\\\s*[\[*]", text)
        body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
        plain = re.sub(r"\\[_%&#$~^{}]", "", body)
        assert plain.count("{") == plain.count("}")
        assert not re.search(r"[#%~]|(?<!\$)\^", plain)
        columns = {row.count("&") for row in plain.split(r"\\") if row.strip()}
        assert len(columns) == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX is installed")
def test_the_tables_compile(tmp_path: Path) -> None:
    made = three(tmp_path, (ODD, "[b", "*c"))
    document = (
        "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs}"
        f"\\begin{{document}}{runs_latex(made)}{pairs_latex(made)}\\end{{document}}"
    )
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_all_files_are_written(tmp_path: Path) -> None:
    recipe = Recipe.load("mini-unet")
    data = manifest({"train": 4, "val": 9})
    run = keep_run(tmp_path / "runs/a/repeat-0", recipe, data=data)
    entries = [entry(Contender(n, (run,)), [matrices(9, r)]) for n, r in (("a", 90), ("b", 70))]
    write_comparison(comparison(entries), tmp_path / "out")
    out = tmp_path / "out"
    for name in (
        *("comparison.json", "comparison.csv", "pairs.csv", "per-image.csv"),
        *("tables/comparison.tex", "tables/pairs.tex", "methods.md", "references.bib"),
    ):
        assert (out / name).stat().st_size > 0, name
    assert (out / "comparison.csv").read_text(encoding="utf-8").count("\n") == 3
