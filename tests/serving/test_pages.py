"""The pages: what they say without a browser, and what they do in one."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from served import LABELS, Painted, Served, encoded, scene, serving

from browsing import FAINT, SPILLED, browser
from intarsia.serving import Service
from intarsia.serving.refusal import Refusal
from intarsia.serving.run_list import find_runs, read_progress, read_summary

REPEAT = "compared/runs/a 'net'/repeat-0"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: Any, folded: Any) -> Path:
    """A folder with a cross-validation, one of its folds as a run, a damaged run, a comparison."""
    folder: Path = tmp_path_factory.mktemp("runs")
    shutil.copytree(folded.path, folder / "folded")
    shutil.copytree(folded.path / "fold-0", folder / "single <b>")
    (folder / "single <b>" / "report.html").write_text("<html><main>the report</main></html>")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "recipe.yaml").write_text("schema: 99\n")
    (folder / "damaged" / "dataset.json").write_text("{}")
    (folder / "compared").mkdir()
    (folder / "compared" / "comparison.html").write_text("<html>compared</html>")
    shutil.copytree(folded.path / "fold-1", folder / "compared" / "runs" / "a 'net'" / "repeat-0")
    return folder


@pytest.fixture(scope="module")
def with_runs(runs: Path, tmp_path_factory: Any) -> Iterator[Served]:
    def load(path: str) -> Painted:
        predictor = Painted()
        predictor.name = Path(path).name
        return predictor

    own = tmp_path_factory.mktemp("own") / "painted"
    shutil.copytree(runs / "single <b>", own)
    with serving(runs=runs, path=own, load=load) as served:
        yield served


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
    assert service.take("painted") is service.models.own
    with pytest.raises(Refusal, match="no such run"):
        service.take("folded/fold-7")


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


def test_the_page_of_a_model_without_a_run(served: Served) -> None:
    assert b"There is no report" in served.get("/model").body
    assert served.get("/runs").status == 404
    assert served.get("/v1/runs").status == 404


# -- in a browser


def upload(page: Any, *files: Path) -> None:
    page.set_input_files("#files", [str(file) for file in files])


def colors(page: Any, kind: str) -> Any:
    """(H, W, 4) of a canvas of the first viewer that is shown."""
    data, width, height = page.evaluate(
        """kind => { const c = document.querySelector(`.viewer:not([hidden]) canvas.${kind}`);
        return [[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data],
                c.width, c.height]; }""",
        kind,
    )
    return np.array(data, np.uint8).reshape(height, width, 4)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("photo") / "a <b>photo, of 3.png"
    path.write_bytes(encoded(scene(75, 110)))
    return path


@pytest.mark.browser
def test_an_image_becomes_its_mask(with_runs: Served, photo: Path, tmp_path: Path) -> None:
    expected = with_runs.predictor.inference.mask(scene(75, 110))
    with browser() as chromium:
        page = chromium.new_page(accept_downloads=True)
        page.goto(with_runs.url)
        upload(page, photo)
        page.wait_for_selector(".viewer:not([hidden])")
        np.testing.assert_array_equal(colors(page, "classes")[:, :, :3], LABELS.colorize(expected))
        np.testing.assert_array_equal(colors(page, "photo")[:, :, :3], scene(75, 110))

        # opacity and before / after
        page.fill(".opacity", "25")
        page.fill(".swipe", "40")
        style = page.evaluate(
            "(e => [e.opacity, e.clipPath])(document.querySelector('.classes').style)"
        )
        assert style == ["0.25", "inset(0px 0px 0px 40%)"]

        # a class off and on again
        box = page.get_by_role("checkbox", name="box")
        box.uncheck()
        hidden = colors(page, "classes")[:, :, 3] == 0
        np.testing.assert_array_equal(hidden, expected == 1)
        box.check()
        assert (colors(page, "classes")[:, :, 3] == 255).all()

        # the pointer, by mouse and by keyboard
        stage = page.locator(".stage")
        edges = stage.bounding_box()
        for row, column in ((5, 7), (60, 100)):
            stage.hover(
                position={
                    "x": (column + 0.5) * edges["width"] / 110,
                    "y": (row + 0.5) * edges["height"] / 75,
                }
            )
            said = page.text_content(".readout")
            assert said.startswith(f"{LABELS.names[expected[row, column]]}, ")
            assert said.endswith(f"at {column}, {row}")
        stage.focus()
        page.keyboard.press("Home")
        assert page.text_content(".readout").endswith("at 55, 37")
        page.keyboard.press("ArrowRight")
        assert page.text_content(".readout").endswith("at 57, 37")

        # uncertain places
        page.check(".unsure")
        page.fill(".sureness", "99")
        marked = colors(page, "doubt")[:, :, 3] > 0
        sure = with_runs.predictor.inference.probabilities(scene(75, 110)).max(axis=0)
        assert marked.any() == (sure < 0.985).any()
        assert not marked[sure > 0.995].any()

        # downloads
        with page.expect_download() as mask:
            page.get_by_role("link", name="Download: Mask").click()
        mask.value.save_as(tmp_path / "mask.png")
        assert mask.value.suggested_filename.endswith("-mask.png")
        with Image.open(tmp_path / "mask.png") as saved:
            np.testing.assert_array_equal(np.asarray(saved), expected)
        with page.expect_download() as table:
            page.get_by_role("link", name="Download: Measurements").click()
        table.value.save_as(tmp_path / "m.csv")
        lines = (tmp_path / "m.csv").read_text().splitlines()
        assert lines[0] == "image,class,pixels,share,regions,mean_confidence"
        assert lines[1].startswith(f'"{photo.name}",ground,{(expected == 0).sum()},')
        with page.expect_download() as overlay:
            page.get_by_role("link", name="Download: Overlay").click()
        overlay.value.save_as(tmp_path / "o.jpg")
        with Image.open(tmp_path / "o.jpg") as saved:
            assert saved.size == (110, 75)


@pytest.mark.browser
def test_a_wrong_file_is_explained_and_the_next_one_is_shown(
    with_runs: Served, photo: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "<i>notes.png"
    wrong.write_text("no image at all")
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(encoded(scene(75, 110), "JPEG")[:-500])
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(with_runs.url)
        upload(page, wrong, empty, cut, photo)
        page.wait_for_selector(".viewer:not([hidden])")
        alerts = page.locator(".problem:not([hidden])").all_text_contents()
        assert len(alerts) == 3
        assert "not an image that can be read" in alerts[0]
        assert "do: save the image as JPEG or PNG" in alerts[0]
        assert "the file is empty" in alerts[1]
        assert "cut short" in alerts[2]
        assert page.locator(".name").all_text_contents() == [
            wrong.name, empty.name, cut.name, photo.name,
        ]  # fmt: skip
        page.get_by_role("button", name=f"Remove {wrong.name}").click()
        assert page.locator("article.result").count() == 3


@pytest.mark.browser
def test_a_pasted_and_a_dropped_image(with_runs: Served) -> None:
    deliver = """async ([kind, bytes]) => {
      const file = new File([new Uint8Array(bytes)], kind + '.png', {type: 'image/png'});
      const data = new DataTransfer(); data.items.add(file);
      const event = kind === 'paste' ? new ClipboardEvent('paste', {clipboardData: data})
        : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
      (kind === 'paste' ? document : document.getElementById('drop')).dispatchEvent(event); }"""
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(with_runs.url)
        for count, kind in enumerate(("paste", "drop"), start=1):
            page.evaluate(deliver, [kind, list(encoded(scene()))])
            expect(page.locator(".viewer:not([hidden])")).to_have_count(count)
        assert page.locator(".name").all_text_contents() == ["drop.png", "paste.png"]


@pytest.mark.browser
def test_two_tabs_at_once(with_runs: Served, photo: Path) -> None:
    with browser() as chromium:
        pages = [chromium.new_page() for _ in range(2)]
        for page in pages:
            page.goto(with_runs.url)
        with_runs.predictor.hold.clear()
        for page in pages:
            upload(page, photo)
        with_runs.until(lambda: with_runs.service.slots.taken == 2)
        with_runs.predictor.hold.set()
        for page in pages:
            page.wait_for_selector(".viewer:not([hidden])")
            expected = with_runs.predictor.inference.mask(scene(75, 110))
            np.testing.assert_array_equal(
                colors(page, "classes")[:, :, :3], LABELS.colorize(expected)
            )


@pytest.mark.browser
def test_a_large_image_goes_as_a_job_and_a_full_house_is_waited_for(tmp_path: Path) -> None:
    with serving(max_pixels=5000, queue=1) as served, browser() as chromium:
        # wider than the window, as the picture of a large image is
        wide = scene(36, 540)
        (tmp_path / "wide.png").write_bytes(encoded(wide))
        page = chromium.new_page(viewport={"width": 390, "height": 800})
        page.goto(served.url)
        served.predictor.hold.clear()
        line = served.begin(encoded(scene()))
        served.until(lambda: served.service.slots.taken == 1)
        upload(page, tmp_path / "wide.png")
        expect(page.locator(".doing")).to_contain_text("busy")
        served.predictor.hold.set()
        assert line.recv(12) == b"HTTP/1.1 200"
        page.wait_for_selector("img.large")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate(SPILLED) == []
        assert page.locator(".shares tbody tr").count() == 3
        with page.expect_download() as mask:
            page.get_by_role("link", name="Download: Mask").click()
        mask.value.save_as(tmp_path / "mask.png")
        with Image.open(tmp_path / "mask.png") as saved:
            expected = served.predictor.inference.mask(wide)
            np.testing.assert_array_equal(np.asarray(saved), expected)
        # it is not kept for longer than the page needs it
        served.until(lambda: len(served.service.jobs) == 0)


@pytest.mark.browser
def test_the_curves_of_a_training_grow(with_runs: Served, runs: Path) -> None:
    from intarsia.runs.lock import RunLock

    single = runs / "single <b>"
    kept = {name: (single / name).read_bytes() for name in ("summary.json", "log.jsonl")}
    (single / "summary.json").unlink()
    try:
        with RunLock(single), browser() as chromium:
            page = chromium.new_page()
            page.goto(f"{with_runs.url}/runs")
            card = page.locator('.run[data-run="single <b>"]')
            card.locator("svg").first.wait_for()
            assert card.locator(".state").text_content() == "training"
            with (single / "log.jsonl").open("a") as log:
                log.write('{"epoch": 30, "train_loss": 0.1, "val_loss": 0.5, "val_miou": 0.875}\n')
            card.locator('svg[aria-label*="epoch 1 to 30"]').first.wait_for()
            assert "0.875" in card.locator(".best").text_content()
            card.get_by_role("link", name="Predict with it").click()
            expect(page.locator("#run")).to_have_value("single <b>")
            assert page.text_content("#model-name") == "single <b>"
    finally:
        for name, content in kept.items():
            (single / name).write_bytes(content)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_at_every_width(with_runs: Served, photo: Path, scheme: str) -> None:
    with browser() as chromium:
        for width in (390, 1280, 1920):
            page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            said: list[str] = []
            asked: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            for path in ("/", "/model", "/runs", "/docs"):
                page.goto(with_runs.url + path)
                for member in page.locator("details.member summary").all():
                    member.click()
                if path == "/":
                    upload(page, photo)
                    page.wait_for_selector(".viewer:not([hidden])")
                page.wait_for_load_state("networkidle")
                where = f"{path} at {width}"
                assert page.evaluate("document.documentElement.scrollWidth") == width, where
                assert page.evaluate(SPILLED) == [], where
                assert page.evaluate(FAINT) == [], where
            assert said == []
            own = (with_runs.url, "blob:", "data:")
            assert [url for url in asked if not url.startswith(own)] == []
            page.close()
