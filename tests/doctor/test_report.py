"""The report as text, JSON and HTML, and its statistics."""

import json

import pytest

from intarsia.doctor import Finding, Report
from intarsia.doctor.findings import CODES

from .conftest import SIZE


def _many(count: int) -> Report:
    found = [
        Finding.of("size-mismatch", f"masks/{n}.png", "1 x 2", expected="3 x 4", hint="scale it")
        for n in range(count)
    ]
    return Report.of("cats", [Finding.of("inferred", None, "two classes"), *found], {})


def test_text_is_grouped_and_capped():
    text = str(_many(42))
    assert text.count("size-mismatch") == 1
    assert "(42)" in text
    assert "masks/4.png" in text
    assert "masks/5.png" not in text
    assert "... and 37 more" in text
    assert text.count("scale it") == 1
    assert text.startswith("cats: 42 errors, no warnings")


def test_json_is_never_capped():
    item = json.loads(json.dumps(_many(42).to_json()))
    assert item["counts"] == {"error": 42, "warning": 0, "note": 1}
    assert len(item["findings"]) == 43
    assert set(item["findings"][0]) == {"code", "severity", "file", "value", "expected", "hint"}


def test_errors_come_first():
    report = Report.of(
        "cats",
        [Finding.of("inferred", None, "x"), Finding.of("blank-image", "a", "x"),
         Finding.of("missing-mask", "b", "x")],
        {},
    )  # fmt: skip
    assert [f.severity for f in report.findings] == ["error", "warning", "note"]
    assert (len(report.errors), len(report.warnings), len(report.notes)) == (1, 1, 1)


def test_html_escapes_file_names():
    report = Report.of("<b>", [Finding.of("missing-mask", "<script>.png", "<i>", hint="&")], {})
    html = report._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;.png" in html


@pytest.mark.parametrize("code", CODES)
def test_codes_are_kebab_case(code):
    assert code == code.lower().replace("_", "-").replace(" ", "-")


def test_statistics(named, report):
    result = report(named)
    numbers = result.statistics
    assert numbers["images"] == numbers["readable_images"] == 12
    assert numbers["channels"] == 3
    assert numbers["depths"] == {"uint8": 12}
    assert numbers["sizes"]["different"] == 1
    assert numbers["sizes"]["largest"] == list(SIZE)
    train = numbers["splits"]["train"]
    # 37 rows of 50: 1 ignored, 9 sky, 15 road, 12 tree; six images.
    assert train["ignored_pixels"] == 6 * 50
    assert train["labelled_pixels"] == 6 * 36 * 50
    assert train["classes"] == [
        {"name": "sky", "pixels": 2700, "share": 9 / 36, "images": 6},
        {"name": "road", "pixels": 4500, "share": 15 / 36, "images": 6},
        {"name": "tree", "pixels": 3600, "share": 12 / 36, "images": 6},
    ]
    assert json.loads(json.dumps(result.to_json()))["statistics"] == numbers
    text = str(result)
    assert "12 images (train 6, val 3, test 3); height x width 37 x 50" in text
    assert "25.00 %" in text
    assert "<td>road</td>" in result._repr_html_()


def test_a_report_of_nothing_readable(named, report):
    for path in named.rglob("images/*.png"):
        if "train0" not in path.name:
            path.write_bytes(b"")
    result = report(named)
    assert [f.code for f in result.errors] == ["empty-file"] * 11
    assert str(result)
