"""Pictures of pages in Chromium: light, dark, on a phone, on paper; with few colours, so that they are small."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
_COLOURS = 96


@dataclass(frozen=True)
class View:
    """How a page is looked at. `whole`: down to its end, else the first screen."""

    name: str
    width: int
    height: int
    scheme: str = "light"
    media: str = "screen"
    whole: bool = False


VIEWS = (
    View("light", 1280, 1000),
    View("dark", 1280, 1000, scheme="dark"),
    View("phone", 390, 1100),
    View("print", 800, 1100, media="print"),
)


@dataclass(frozen=True)
class Picture:
    """A page (a file or an address), the fragment it opens with, and what is in the middle of the picture (a selector),
    or its top."""

    name: str
    page: Path | str
    fragment: str = ""
    at: str = ""
    views: tuple[str, ...] = tuple(view.name for view in VIEWS)
    ready: str = "html"
    """What is there when the page is."""


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield started
        started.close()


def take(browser: Any, picture: Picture, view: View, out: Path, *, whole: bool = False) -> Path:
    """Write `<name>-<view>.png` to `out`; `<name>.png` for the light view."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height}, color_scheme=view.scheme, device_scale_factor=1
    )
    page = context.new_page()
    page.emulate_media(media=view.media, color_scheme=view.scheme)
    address = picture.page if isinstance(picture.page, str) else picture.page.resolve().as_uri()
    page.goto(address + picture.fragment)
    page.wait_for_selector(picture.ready, state="attached")
    page.wait_for_timeout(300)
    if picture.at and view.media == "screen":
        page.locator(picture.at).first.evaluate("one => one.scrollIntoView({block: 'start', behavior: 'instant'})")
        page.wait_for_timeout(200)
    shot = page.screenshot(full_page=whole)
    context.close()
    file = out / (f"{picture.name}.png" if view.name == "light" else f"{picture.name}-{view.name}.png")
    _write_small(shot, file)
    return file


def _write_small(shot: bytes, file: Path) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(shot)) as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        few.save(file, optimize=True)
