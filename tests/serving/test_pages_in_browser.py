"""The pages: what they do in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from served import LABELS, Served, encoded, scene, serving

from browsing import FAINT, SPILLED, browser


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
def test_a_run_that_is_not_there_is_said(with_runs: Served) -> None:
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(with_runs.url + "/?run=gone")
        assert "gone" in page.inner_text(".callout.warn")
        page.goto(with_runs.url)
        assert page.locator(".callout.warn").count() == 0
        assert not page.locator("#camera").is_visible()  # nor a stop of the keyboard


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
        assert "Too large" in page.inner_text(".seen")
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
def test_a_heavy_file_of_few_pixels_goes_as_a_job_and_is_shown(tmp_path: Path) -> None:
    pixels = scene(40, 60)
    (tmp_path / "heavy.bmp").write_bytes(encoded(pixels, "BMP"))
    with serving(max_body=5000) as served, browser() as chromium:
        page = chromium.new_page()
        page.goto(served.url)
        upload(page, tmp_path / "heavy.bmp")
        page.wait_for_selector(".viewer:not([hidden])")
        expected = served.predictor.inference.mask(pixels)
        np.testing.assert_array_equal(colors(page, "classes")[:, :, :3], LABELS.colorize(expected))
        served.until(lambda: len(served.service.jobs) == 0)


@pytest.mark.browser
def test_the_curves_of_a_training_grow(with_runs: Served, runs: Path) -> None:
    from intarsia.runs import Run
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
            names = list(Run.open(single).labels.names)
            expect(page.locator("#knows li")).to_have_text(names)
            page.select_option("#run", "")
            expect(page.locator("#knows li")).to_have_text(list(LABELS.names))
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
