"""The pages: what they say without a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from served import LABELS, REPEAT, Painted, Served, encoded, scene, serving

from bundles.made import description, write_bundle
from intarsia.prediction import Predictor
from intarsia.runs import Run
from intarsia.serving import Service
from intarsia.serving.refusal import Refusal
from intarsia.serving.run_list import find_runs, read_progress, read_summary


@pytest.mark.parametrize("page", ["/", "/model", "/runs", "/docs"])
def test_a_page_names_no_other_place_and_runs_no_inline_script(
    with_runs: Served, page: str
) -> None:
    reply = with_runs.get(page)
    assert reply.status == 200
    text = reply.body.decode()
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert links
    assert all(link.startswith(("/", "#", "data:,")) for link in links), links
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert "application/json" in attributes or not content
    assert "script-src 'self'" in reply.headers["content-security-policy"]
    # a class of this name must not become an element
    assert "sky <script>" not in text
    for link in links:
        if link.startswith("/"):
            assert with_runs.get(unescape(link)).status == 200, link


def test_the_settings_of_the_page_are_those_of_the_service(with_runs: Served) -> None:
    text = with_runs.get("/").body.decode()
    (content,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert json.loads(content) == with_runs.get("/v1/model").json
    assert [c["name"] for c in json.loads(content)["classes"]] == LABELS.names


def test_what_the_list_of_runs_says(with_runs: Served) -> None:
    found = {run["name"]: run for run in with_runs.get("/v1/runs").json}
    assert set(found) == {
        "folded", "folded/fold-0", "folded/fold-1", "single <b>", "damaged", REPEAT,
    }  # fmt: skip
    repeat = found[REPEAT]
    assert (repeat["state"], repeat["epochs"], repeat["usable"]) == ("finished", 2, True)
    assert len(with_runs.get(f"/v1/runs/{quote(REPEAT, safe='')}").json["series"]) == 1
    assert found["damaged"]["state"] == "damaged"
    assert "99" in found["damaged"]["fault"]
    single = found["single <b>"]
    assert (single["state"], single["epochs"], single["of"]) == ("finished", 2, 2)
    assert single["usable"]
    assert found["folded"]["epochs"] == 4
    one = with_runs.get("/v1/runs/single%20%3Cb%3E").json
    assert [row["epoch"] for row in one["series"]["single <b>"]] == [1, 2]
    folds = with_runs.get("/v1/runs/folded").json["series"]
    assert {name: len(rows) for name, rows in folds.items()} == {"fold 0": 2, "fold 1": 2}
    assert with_runs.get("/v1/runs/none").status == 404
    assert with_runs.get("/v1/runs/..%2F..%2Fetc").status == 404


def test_members_are_listed_with_what_they_belong_to(with_runs: Served) -> None:
    text = unescape(with_runs.get("/runs").body.decode())
    sections = {re.findall(r'aria-label="([^"]*)"', s)[0]: s for s in text.split("<section ")[1:]}
    assert set(sections) == {"folded", "single <b>", "damaged", "compared"}
    members = {
        name: re.findall(r'<details [^>]*data-run="([^"]*)"', s) for name, s in sections.items()
    }
    assert members == {
        "folded": ["folded/fold-0", "folded/fold-1"],
        "single <b>": [],
        "damaged": [],
        "compared": [REPEAT],
    }
    assert 'href="/comparisons/compared"' in sections["compared"]
    assert f'href="/?run={quote(REPEAT)}"' in sections["compared"]
    said = with_runs.predict(encoded(scene()), query=f"?run={quote(REPEAT)}").json
    assert said["model"] == REPEAT


def test_what_another_run_knows_can_be_asked_without_loading_it(with_runs: Served) -> None:
    own = with_runs.get("/v1/model").json
    assert [label["name"] for label in own["classes"]] == list(LABELS.names)
    other = with_runs.get("/v1/model?run=folded").json
    run = Run.open(with_runs.service.runs / "folded")
    assert [label["name"] for label in other["classes"]] == list(run.labels.names)
    assert other["name"] == "folded"
    assert with_runs.get("/v1/model?run=none").status == 404
    assert with_runs.get("/v1/model?run=damaged").status == 422


def test_a_folder_that_is_a_comparison_itself(runs: Path) -> None:
    with serving(runs=runs / "compared") as served:
        assert served.get("/comparisons/").body == b"<html>compared</html>"
        assert '/comparisons/"' in served.get("/runs").body.decode()
        assert [run["name"] for run in served.get("/v1/runs").json] == [REPEAT[9:]]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("log.jsonl", b'[1, 2]\n"text"\n'),
        ("log.jsonl", b'{"epoch": 1, "val_miou": "high"}\n{"epoch": 2, "val_miou": 0.5}\n'),
        ("log.jsonl", b'{"epoch": 1, "val_mi'),
        ("log.jsonl", b"\xff\xfe"),
        ("recipe.yaml", b"- a\n- list\n"),
        ("recipe.yaml", b"\x00\xff"),
        ("dataset.json", b"[]"),
        ("dataset.json", b'{"name": 3}'),
        ("dataset.json", b"[" * 100_000),
    ],
)
def test_a_damaged_run_does_not_hide_the_others(
    tmp_path: Path, folded: Any, file: str, content: bytes
) -> None:
    shutil.copytree(folded.path / "fold-0", tmp_path / "good")
    shutil.copytree(folded.path / "fold-0", tmp_path / "bad")
    (tmp_path / "bad" / file).write_bytes(content)
    found = {name: read_summary(path, name) for name, path in find_runs(tmp_path).items()}
    assert found["good"].state == "finished"
    assert found["bad"].state == "damaged"
    assert found["bad"].fault
    assert str(tmp_path) not in found["bad"].fault
    assert read_progress(tmp_path / "bad", "bad").state == "damaged"


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path: Path, folded: Any) -> None:
    try:
        shutil.copytree(folded.path / "fold-0", tmp_path / os.fsdecode(b"\xff"))
    except OSError:
        pytest.skip("this file system takes only names that are text")
    with serving(runs=tmp_path) as served:
        assert [run["name"] for run in served.get("/v1/runs").json] == ["?"]
        assert served.get("/runs").status == served.get("/").status == 200
        assert served.get("/v1/runs/%3F").json["epochs"] == 2


def test_a_run_is_loaded_again_when_its_weights_are_newer(with_runs: Served, runs: Path) -> None:
    service = with_runs.service
    first = service.take("folded")
    service.models.give_back(first)
    again = service.take("folded")
    service.models.give_back(again)
    assert again is first
    weights = next((runs / "folded").rglob("best.safetensors"))
    os.utime(weights, ns=(2**62, 2**62))
    newer = service.take("folded")
    service.models.give_back(newer)
    assert newer is not first


def test_the_run_that_is_served_is_not_loaded_twice(runs: Path) -> None:
    service = Service(Painted(), path=runs / "folded" / "fold-0", runs=runs)
    assert service.take("folded/fold-0") is service.models.own
    # it has one name: its place in the folder
    assert service.models.own.name == "folded/fold-0"
    with pytest.raises(Refusal, match="no such run"):
        service.take("folded/fold-7")


def test_a_model_beside_a_run_of_its_name_has_another(runs: Path, tmp_path: Path) -> None:
    (runs / "painted").mkdir()
    (runs / "painted" / "recipe.yaml").touch()
    try:
        service = Service(Painted(), path=tmp_path / "painted.intarsia", runs=runs)
        assert service.models.own.name == "painted (served)"
        assert service.take("painted (served)") is service.models.own
    finally:
        shutil.rmtree(runs / "painted")


def test_a_run_that_is_written_to_is_in_training(with_runs: Served, runs: Path) -> None:
    from intarsia.runs.lock import RunLock

    single = runs / "single <b>"
    summary = (single / "summary.json").read_bytes()
    (single / "summary.json").unlink()
    try:
        assert with_runs.get("/v1/runs/single%20%3Cb%3E").json["state"] == "stopped"
        with RunLock(single):
            assert with_runs.get("/v1/runs/single%20%3Cb%3E").json["state"] == "training"
            with (single / "log.jsonl").open("a") as log:
                log.write('{"epoch": 3, "train_loss": NaN, "val_loss": 0.5, "val_miou": 0.7}\n')
            grown = with_runs.get("/v1/runs/single%20%3Cb%3E").json
            assert grown["epochs"] == 3
            # a loss that is no number is a gap, and the JSON stays JSON
            assert grown["series"]["single <b>"][2]["train_loss"] is None
        assert with_runs.get("/v1/runs/single%20%3Cb%3E").json["state"] == "stopped"
    finally:
        (single / "summary.json").write_bytes(summary)


def test_reports_and_comparisons(with_runs: Served) -> None:
    report = with_runs.get("/runs/single%20%3Cb%3E/report")
    assert b"the report" in report.body
    assert "script-src" not in report.headers["content-security-policy"]
    assert b"the report" in with_runs.get("/model").body
    assert with_runs.get("/comparisons/compared").body == b"<html>compared</html>"
    for path in ("/runs/folded/report", "/comparisons/other", "/static/other", "/static/..%2Fx"):
        assert with_runs.get(path).status == 404, path
        page = with_runs.get(path, accept="text/html")
        assert (page.status, page.headers["content-type"][:9]) == (404, "text/html"), path


def test_another_run_predicts_when_it_is_asked_for(with_runs: Served) -> None:
    query = "?run=single%20%3Cb%3E"
    said = with_runs.predict(encoded(scene()), query=query).json
    assert said["model"] == "single <b>"
    assert with_runs.predict(encoded(scene())).json["model"] == "painted"
    assert with_runs.service.models._users == 0
    assert with_runs.predict(b"no image", query=query).status == 415
    assert with_runs.service.models._users == 0


def test_two_other_runs_are_not_in_memory_together(with_runs: Served) -> None:
    models = with_runs.service.models
    models.take("folded", with_runs.service.others()["folded"])
    try:
        reply = with_runs.predict(encoded(scene()), query="?run=single%20%3Cb%3E")
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    finally:
        models.give_back(models._other)
    assert with_runs.predict(encoded(scene()), query="?run=single%20%3Cb%3E").status == 200


def test_the_page_of_a_bundle_shows_its_card(tmp_path: Path) -> None:
    rows = [("ground", 0.75, 0.857), ("box <b>", None, None)]
    sheet = {
        "data": "shapes",
        "split": "val",
        "images": 3,
        "miou": 0.7254,
        "mean_dice": 0.831,
        "intervals": {"miou": {"low": 0.6, "high": 0.8125}, "iou": None},
        "classes": [{"name": name, "iou": iou, "dice": dice} for name, iou, dice in rows],
    }
    card = {
        "license": "CC0-1.0",
        "data": {"name": "shapes", "images": {"train": 7, "val": 3}},
        "evaluations": {"shapes-val": sheet},
        "limits": ["It was trained on 7 images."],
    }
    made = {"card.json": json.dumps(card).encode()}
    bundle = write_bundle(tmp_path / "m.intarsia", description(), **made)
    with serving(Predictor(bundle), path=bundle) as served:
        text = served.get("/model").body.decode()
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", text)
    at = cells.index("mean")
    assert cells[at : at + 5] == ["mean", "0.725", "0.600", "0.812", "0.831"]
    assert cells[at + 5 : at + 11] == ["ground", "0.750", "n/a", "n/a", "0.857", "box &lt;b&gt;"]
    assert "val of shapes, 3 images" in text
    assert "7 train, 3 val images" in text
    assert "CC0-1.0" in text
    assert "It was trained on 7 images." in text


def test_the_page_of_a_model_without_a_run(served: Served) -> None:
    assert b"There is no report" in served.get("/model").body
    assert served.get("/runs").status == 404
    assert served.get("/v1/runs").status == 404
    # so nobody is sent there
    assert "/v1/runs" not in served.get("/v1/model?run=other").json["hint"]
