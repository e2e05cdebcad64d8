"""The model card says of a run what was measured of it, in the way that it was exported in."""

import shutil

import pytest

import intarsia as ia
from bundles.made import description
from exporting.test_gate import gate
from intarsia.exporting.card import card_text, model_card
from intarsia.runs import Run


@pytest.fixture(scope="module")
def measured(boxes_run, tmp_path_factory):
    """A copy of the run, with a metric sheet of it as it is and one of it without flips."""
    run = Run(tmp_path_factory.mktemp("card") / "boxes")
    shutil.copytree(boxes_run.path, run.path)
    plain = run.setting(["predict.flip=false"])
    return run, *(ia.evaluate(each, device="cpu") for each in (run, plain))


def test_each_figure_stands_beside_its_interval(measured):
    run, sheet, _ = measured
    text = card_text(model_card(run, description(), gate()), gate())
    between = sheet.interval("miou")
    assert f"| mean | {sheet.miou:.3f} | {between.low:.3f} to {between.high:.3f} |" in text
    box = sheet.interval("iou", "box")
    assert f"| box | {sheet['box'].iou:.3f} | {box.low:.3f} to {box.high:.3f} |" in text


def test_the_sheet_is_of_the_use_that_is_exported(measured):
    run, sheet, plain = measured
    assert sheet.miou != plain.miou
    for used, expected in (([], sheet.miou), (["predict.flip=false"], plain.miou)):
        (shown,) = model_card(run.setting(used), description(), gate())["evaluations"].values()
        assert shown["miou"] == pytest.approx(expected)
    other = model_card(run.setting(["predict.scales=1,2"]), description(), gate())
    assert other["evaluations"] == {}
    assert "holds no metric sheet" in card_text(other, gate())


def test_a_run_that_was_stopped_says_so(measured, tmp_path):
    run, _, _ = measured
    assert not any("stopped" in text for text in limits(run))
    stopped = Run(tmp_path / "run")
    shutil.copytree(run.path, stopped.path)
    (stopped.path / "summary.json").unlink()
    assert "Its training was stopped before its end." in limits(stopped)


def limits(run: Run) -> list[str]:
    found: list[str] = model_card(run, description(), gate())["limits"]
    return found
