"""A page as a browser sees it: what overflows, what is missing, what is too faint to read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Everything wider than the page must lie in a box that scrolls by itself.
SPILLED = """() => [...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, pre, svg') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))"""
# Text whose contrast with what lies behind it is below WCAG 2.2 AA: 4.5, or 3 where it is large.
FAINT = """() => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = text => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = text; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map((v, i) => i < 3 ? v : v / 255); };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const behind = e => { const layers = [];
    for (let n = e; n; n = n.parentElement) layers.push(rgba(getComputedStyle(n).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below),
      matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]); };
  const faint = [];
  for (const e of document.querySelectorAll('body *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    if (!text || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const ground = behind(e);
    const ink = over(rgba(e.closest('svg') ? style.fill : style.color), ground);
    const [a, b] = [light(ink), light(ground)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return faint; }"""


@dataclass
class Look:
    """One page in one width and colour scheme; every list is empty where all is well."""

    width: int
    page_width: int = 0
    images: int = 0
    spilled: list[str] = field(default_factory=list)
    blank_images: list[str] = field(default_factory=list)
    faint: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lost_links: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Any]:
    """A Chromium; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium; name one in $CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


def look(path: Path, scheme: str, widths: tuple[int, ...] = (390, 1280)) -> list[Look]:
    """Open a page in Chromium; the test is skipped where there is none."""
    looks = []
    with browser() as opened:
        for width in widths:
            seen = Look(width)
            page = opened.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
            page.on("console", lambda message, seen=seen: seen.said.append(message.text))
            page.on("pageerror", lambda error, seen=seen: seen.said.append(str(error)))
            page.on("request", lambda request, seen=seen: seen.asked.append(request.url))
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            seen.page_width = page.evaluate("document.documentElement.scrollWidth")
            seen.spilled = page.evaluate(SPILLED)
            seen.images = page.evaluate("document.images.length")
            seen.blank_images = page.evaluate(
                "[...document.images].filter(i => !(i.naturalWidth > 0)).map(i => i.alt)"
            )
            seen.faint = page.evaluate(FAINT)
            seen.lost_links = page.evaluate(
                "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash)"
                ".filter(h => !document.getElementById(h.slice(1)))"
            )
            seen.asked = [u for u in seen.asked if not u.startswith(("file:", "data:"))]
            page.close()
            looks.append(seen)
    return looks
