"""What is answered to whom: every row of the list of bad requests, on a real socket."""

from __future__ import annotations

import http.client
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import BOUNDARY, FORM, LABELS, Painted, Served, encoded, form, scene, serving

from bundles.made import description, write_bundle
from intarsia.images import Scaling
from intarsia.inference import Inference
from intarsia.prediction import Predictor, predict_folder


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_of(width: int, height: int) -> bytes:
    """The first bytes of a PNG that says it has this size; there are no pixels behind them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def moving(kind: str) -> bytes:
    import io

    frames = [Image.fromarray(scene(seed=n)) for n in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format=kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_the_mask_is_that_of_the_predictor(served: Served, tmp_path: Any, kind: str) -> None:
    content = encoded(scene(), kind)
    file = tmp_path / "same"
    file.write_bytes(content)
    reply = served.predict(content, accept="image/png")
    assert reply.status == 200
    assert reply.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(reply.mask, served.predictor(file))
    assert len(np.unique(reply.mask)) == 3


def test_the_png_has_the_palette_of_the_classes(served: Served) -> None:
    import io

    reply = served.predict(encoded(scene()), accept="image/png;q=0.9, application/json;q=0.1")
    palette = Image.open(io.BytesIO(reply.body)).getpalette()
    assert palette is not None
    assert palette[:9] == [0, 114, 178, 230, 159, 0, 9, 9, 99]


def test_the_json_says_what_measurements_csv_says(served: Served, tmp_path: Any) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(encoded(scene()))
    predict_folder(served.predictor, [tmp_path / "in"], tmp_path / "out")
    rows = (tmp_path / "out" / "measurements.csv").read_text().splitlines()[1:]
    said = served.predict(encoded(scene())).json
    shown = [
        f"a.png,{row['class']},{row['pixels']},{row['share']:.6f},{row['regions']},"
        f"{row['mean_confidence']:.4f}"
        for row in said["measurements"]
    ]
    assert shown == rows
    assert sum(said["shares"].values()) == pytest.approx(1)
    assert (said["width"], said["height"]) == (53, 37)
    assert said["confidence"] == pytest.approx(0.999, abs=0.002)
    assert said["confidence_map"] is None
    assert said["mask"].startswith("data:image/png;base64,")
    assert said["overlay"].startswith("data:image/jpeg;base64,")


def test_only_the_pictures_that_are_asked_for(served: Served) -> None:
    said = served.predict(encoded(scene()), query="?include=confidence").json
    assert said["mask"] is None
    assert said["overlay"] is None
    assert said["confidence_map"].startswith("data:image/png;base64,")
    odd = served.predict(encoded(scene()), query="?include=mask,hat")
    assert (odd.status, odd.reason) == (422, "malformed")
    assert served.predict(encoded(scene()), accept="text/html").status == 406


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", 415, "unsupported"),
        (b"just some text", 415, "unsupported"),
        (b"<!doctype html><title>x</title>", 415, "unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported"),
        (encoded(scene(), "GIF"), 415, "unsupported"),
        (encoded(scene(), "TIFF"), 415, "unsupported"),
        (b"%PDF-1.7 ...", 415, "unsupported"),
        (encoded(scene(), "JPEG")[:-200], 422, "unreadable"),
        (encoded(scene())[:200], 422, "unreadable"),
        (encoded(scene())[:12], 422, "unreadable"),
        (moving("PNG"), 422, "unfit"),
        (moving("WEBP"), 422, "unfit"),
        (encoded(np.full((20, 30), 40_000, np.uint16)), 422, "unreadable"),
        (png_of(9400, 9400), 413, "too-many-pixels"),
        (png_of(100_000, 100_000), 413, "too-many-pixels"),
        (png_of(40_000, 1), 413, "too-many-pixels"),
        (png_of(1, 1), 422, "unreadable"),
    ],
    ids=[
        "empty", "text", "html", "svg", "gif", "tiff", "pdf", "cut jpeg", "cut png", "cut header",
        "apng", "moving webp", "16 bit", "bomb", "huge bomb", "a line", "no pixels",
    ],
)  # fmt: skip
def test_what_cannot_be_predicted(served: Served, content: bytes, status: int, reason: str) -> None:
    reply = served.predict(content)
    assert (reply.status, reply.reason) == (status, reason)
    assert reply.json["detail"]
    # a place on the server's disk is nobody's business
    assert str(served.service.spool) not in reply.body.decode()
    assert not list(served.service.spool.iterdir())
    served.until(lambda: served.service.slots.taken == 0)


def test_a_bomb_is_refused_before_it_is_decoded(served: Served) -> None:
    # a real one: 7 MB of pixels in 7 kB
    bomb = encoded(np.zeros((1500, 1600, 3), np.uint8))
    before = served.counted("intarsia_decode_seconds_count")
    reply = served.predict(bomb)
    assert (reply.status, reply.reason) == (413, "too-many-pixels")
    assert "0.05 million" in reply.json["expected"]
    assert "tiles" in reply.json["hint"]  # a job would not take it either
    long = served.predict(encoded(np.zeros((20, 1000, 3), np.uint8)))
    assert (long.status, long.json["hint"][-8:]) == (413, "/v1/jobs")
    assert served.counted("intarsia_decode_seconds_count") == before


def test_tiff_is_taken_where_the_model_was_trained_on_it() -> None:
    with serving(Painted(suffixes=frozenset({".tif"}))) as served:
        assert served.get("/v1/model").json["accepts"][-1] == "TIFF"
        content = encoded(scene(), "TIFF")
        reply = served.predict(content, accept="image/png")
        np.testing.assert_array_equal(reply.mask, served.predictor(scene()))
        assert served.predict(moving("TIFF")).status == 422
        assert served.predict(content[:-900]).status == 422


def test_a_bundle_knows_the_files_that_it_was_trained_on(tmp_path: Path) -> None:
    for kinds, status in (((".png", ".tif"), 200), ((".png",), 415)):
        bundle = write_bundle(tmp_path / "m.intarsia", description(suffixes=kinds))
        with serving(Predictor(bundle)) as served:
            assert served.predict(encoded(scene(), "TIFF")).status == status


def test_deep_images_are_taken_where_the_model_knows_them() -> None:
    predictor = Painted()
    deep = Scaling(0, 65535, "16 bit")
    predictor.preprocessing = predictor.preprocessing.__class__(
        (48, 64), "crop", deep, (0.0,) * 3, (1.0,) * 3
    )
    predictor.inference = Inference(predictor.inference.network, predictor.preprocessing)
    with serving(predictor) as served:
        assert served.predict(encoded(np.full((20, 30), 40_000, np.uint16))).status == 200
        assert served.predict(encoded(scene())).status == 422


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"x", {}, 415, "content-type"),
        (b"{}", {"content-type": "application/json"}, 415, "content-type"),
        (b"a=b", {"content-type": "application/x-www-form-urlencoded"}, 415, "content-type"),
        (b"x", {"content-type": "multipart/form-data"}, 400, "malformed"),
        (b"x", {"content-type": "multipart/form-data; boundary=" + "b" * 300}, 400, "malformed"),
        (b"no boundary here", FORM, 400, "malformed"),
        (form(b"x")[:60], FORM, 400, "malformed"),
        (form(encoded(scene()))[:-16], FORM, 400, "malformed"),
        (form(b"x", name="other"), FORM, 422, "malformed"),
        (form(b"x", kind="text/html"), FORM, 415, "content-type"),
        (form(b"x")[:-16] + form(b"y"), FORM, 422, "malformed"),
        (form(b"x", name="n")[:-16] * 9 + form(b"x"), FORM, 400, "malformed"),
        (form(encoded(scene())), {**FORM, "content-encoding": "gzip"}, 415, "content-type"),
    ],
)
def test_what_is_no_form_with_one_image(
    served: Served, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    reply = served.ask("POST", "/v1/predict", body, headers)
    assert (reply.status, reply.reason) == (status, reason)
    served.until(lambda: served.service.slots.taken == 0)


def test_a_body_without_a_part_type_is_judged_by_its_bytes(served: Served) -> None:
    assert served.predict(encoded(scene()), kind=None).status == 200
    assert served.predict(encoded(scene(), "JPEG"), kind="image/png").status == 200


def test_too_many_bytes_declared_and_chunked(served: Served) -> None:
    large = form(b"\xff" * 3_000_000)
    declared = served.ask("POST", "/v1/predict", large, FORM)
    assert (declared.status, declared.reason) == (413, "body-too-large")
    pieces = (large[at : at + 50_000] for at in range(0, len(large), 50_000))
    chunked = served.ask("POST", "/v1/predict", pieces, FORM)
    assert (chunked.status, chunked.reason) == (413, "body-too-large")
    assert chunked.headers["connection"] == "close"
    assert not list(served.service.spool.iterdir())
    served.until(lambda: served.service.slots.taken == 0)


def test_a_chunked_body_of_a_fair_size_is_taken(served: Served) -> None:
    body = form(encoded(scene()))
    pieces = (body[at : at + 11] for at in range(0, len(body), 11))
    reply = served.ask("POST", "/v1/predict", pieces, {**FORM, "accept": "image/png"})
    np.testing.assert_array_equal(reply.mask, served.predictor(scene()))


@pytest.mark.parametrize(
    "file_name",
    [
        "../../../../etc/passwd",
        "..\\..\\windows\\system32\\config",
        "nul\0byte.png",
        "<script>alert(1)</script>.png",
        "%0d%0aSet-Cookie: a=b",
        "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
        "x" * 3000 + ".png",
    ],
)
def test_the_clients_name_for_the_file_is_not_used(served: Served, file_name: str) -> None:
    reply = served.predict(encoded(scene()), file_name=file_name)
    assert reply.status == 200
    assert file_name not in reply.body.decode()
    bad = served.predict(b"no image", file_name=file_name)
    assert bad.status == 415
    assert file_name not in bad.body.decode()
    assert "set-cookie" not in reply.headers
    assert not list(served.service.spool.iterdir())


def test_a_line_break_in_a_name_ends_the_header_and_nothing_else(served: Served) -> None:
    reply = served.predict(encoded(scene()), file_name='a"\r\nX-Other: b')
    assert reply.status in (200, 400)
    assert "x-other" not in reply.headers


def test_a_name_in_place_of_a_file_is_explained(served: Served) -> None:
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
        f"photo.jpg\r\n--{BOUNDARY}--\r\n"
    )
    reply = served.ask("POST", "/v1/predict", body.encode(), FORM)
    assert (reply.status, reply.reason) == (422, "malformed")
    assert "-F image=@photo.jpg" in reply.json["hint"]


def test_answers_carry_the_headers_that_keep_a_browser_here(served: Served) -> None:
    for reply in (served.get("/v1/model"), served.predict(b"no image"), served.get("/nowhere")):
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "server" not in reply.headers


def test_paths_and_methods_that_are_not_there(served: Served) -> None:
    nothing = served.get("/v1/nothing")
    assert (nothing.status, nothing.json["detail"]) == (404, "no such path")
    page = served.get("/nowhere/<b>", accept="text/html,*/*;q=0.8")
    assert page.status == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "/nowhere/&lt;b&gt;" in page.body.decode()
    reply = served.get("/v1/predict")
    assert (reply.status, reply.reason, reply.headers["allow"]) == (405, "method", "POST")
    assert reply.json["expected"] == "POST"
    assert served.ask("POST", "/livez", b"").status == 405
    assert served.predict(encoded(scene()), query="?run=other").status == 404


@pytest.mark.parametrize("path", ["/", "/livez", "/v1/model", "/metrics", "/static/try.js"])
def test_head_is_get_without_the_body(served: Served, path: str) -> None:
    head, whole = served.ask("HEAD", path), served.get(path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert served.ask("HEAD", "/v1/predict").status == 405


def test_a_connection_goes_on_after_a_refusal(served: Served) -> None:
    line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    for content, status in [(b"no image", 415), (encoded(scene()), 200)] * 2:
        line.request("POST", "/v1/predict", form(content), FORM)
        answer = line.getresponse()
        assert answer.status == status
        answer.read()
    for method in ("PUT", "GET"):  # a body where none belongs is read and forgotten
        line.request(method, "/livez", b"x" * 5000)
        assert line.getresponse().read()
    line.request("GET", "/readyz")
    assert line.getresponse().read() == b"ready"
    line.close()


def test_a_client_that_asks_before_it_sends(served: Served) -> None:
    """Expect: 100-continue; who is refused is not asked for the body."""
    head = (
        "POST /v1/predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        f"Content-Type: {FORM['content-type']}\r\nContent-Length: {{}}\r\n\r\n"
    )
    body = form(encoded(scene()))
    with served.connect() as line:
        line.sendall(head.format(len(body)).encode())
        assert line.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        assert line.recv(12) == b"HTTP/1.1 200"
    with served.connect() as line:
        line.sendall(head.format(300_000).encode())
        assert line.recv(12) == b"HTTP/1.1 413"
    served.until(lambda: served.service.slots.taken == 0)


def test_the_description_has_examples_and_needs_no_network(served: Served) -> None:
    said = served.get("/openapi.json").json
    operation = said["paths"]["/v1/predict"]["post"]
    assert "image" in json.dumps(operation["requestBody"])
    answers = operation["responses"]
    assert answers["200"]["content"]["application/json"]["example"]["measurements"]
    assert {int(status) for status in answers} == {
        *(200, 400, 404, 406, 408, 413, 415, 422, 503, 504)
    }
    model = served.get("/v1/model").json
    assert [c["name"] for c in model["classes"]] == LABELS.names
    assert model["max_pixels"] == 50_000


def test_what_is_counted(served: Served) -> None:
    before = {
        name: served.counted(name)
        for name in ("intarsia_images_total", 'intarsia_rejections_total{reason="unsupported"}')
    }
    served.predict(encoded(scene()))
    served.predict(b"no image")
    for name, count in before.items():
        assert served.counted(name) == count + 1
    text = served.get("/metrics").body.decode()
    assert 'intarsia_requests_total{code="200",route="/v1/predict"}' in text
    for name in ("queue_depth", "batch_size_bucket", "queue_seconds", "decode_seconds"):
        assert f"intarsia_{name}" in text
    assert "intarsia_inference_seconds_bucket" in text
    served.get("/a-path-of-its-own")
    assert "a-path-of-its-own" not in served.get("/metrics").body.decode()
