"""An image in a conversation: next to the text of a message, which has a mark where it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from evalkit.core.digests import digest_of
from evalkit.core.errors import UsageError

__all__ = ["IMAGE_TOKENS", "Image"]

IMAGE_TOKENS = 1600
"""What an image counts for where its tokens must be guessed: about what a provider counts at most for one of a usual
size (https://platform.claude.com/docs/en/build-with-claude/vision)."""


@runtime_checkable
class _Picture(Protocol):
    """What Pillow's images are, as the datasets library yields them."""

    def save(self, fp: Any, format: str) -> None: ...  # noqa: A002 - Pillow's own name


@dataclass(frozen=True, slots=True)
class Image:
    """`source` is a path, a data URL or an http(s) address; `digest` 16 hex digits of the image's bytes, or of an
    address, whose content nobody here has seen. Two images of one digest are one for caches and comparisons."""

    source: str
    digest: str
    media_type: str = ""
    name: str = ""

    @property
    def mark(self) -> str:
        """What stands for it in a text, for reports and for readers of text alone."""
        return f"[image {self.name} {self.digest}]" if self.name else f"[image {self.digest}]"

    @property
    def is_address(self) -> bool:
        return self.source.startswith(("http://", "https://"))

    @staticmethod
    def of(value: object, folder: Path | None = None) -> Image:
        """The image of a path (relative to `folder`), an address, a data URL, bytes, a row's {"bytes", "path"} or a
        Pillow image. A file is read for its digest and again when it is sent.

        Raises UsageError for a file that is not there and for data that is not a PNG, JPEG, GIF or WebP image.
        """
        if isinstance(value, Mapping):
            named = Path(str(value.get("path") or "")).name
            return _embedded(value["bytes"], named) if value.get("bytes") else Image.of(value.get("path"), folder)
        if isinstance(value, bytes):
            return _embedded(value, "")
        if isinstance(value, Path) or (isinstance(value, str) and value and not value.startswith(_ELSEWHERE)):
            return _file((folder or Path()) / value)
        if isinstance(value, str) and value.startswith("data:"):
            return _embedded(_decoded(value), "")
        if isinstance(value, str) and value:
            return Image(value, digest_of("address", value), "", value.rpartition("/")[2].partition("?")[0])
        if isinstance(value, _Picture):
            out = io.BytesIO()
            value.save(out, format="PNG")
            return _embedded(out.getvalue(), "")
        raise UsageError(
            "this is not an image", found=type(value).__name__, fix="a path, an address, a data URL or bytes"
        )

    def content(self) -> bytes:
        """Its bytes. Raises OSError where a file is gone, ValueError for an address and for a file that was changed."""
        if self.is_address:
            raise ValueError(f"{self.source} is an address: its image is not here")
        data = _decoded(self.source) if self.source.startswith("data:") else Path(self.source).read_bytes()
        if _digest(data) != self.digest:
            raise ValueError(f"{self.source[:200]} was changed since it was first read")
        return data

    def base64(self) -> str:
        """Its bytes as text; raises what `content` raises."""
        return base64.b64encode(self.content()).decode("ascii")

    @property
    def suffix(self) -> str:
        """The ending of a file with its content: ".png"."""
        return "." + self.media_type.removeprefix("image/").replace("jpeg", "jpg")


_ELSEWHERE = ("http://", "https://", "data:")
_BEGINNINGS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def _file(path: Path) -> Image:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"image {path} does not exist", found=error.strerror or "", fix="a path that exists") from None
    return Image(str(path.resolve()), _digest(data), _media_type(data, str(path)), path.name)


def _embedded(data: bytes, name: str) -> Image:
    kind = _media_type(data, name or "the data")
    return Image(f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}", _digest(data), kind, name)


def _decoded(url: str) -> bytes:
    head, comma, text = url.partition(",")
    try:
        if not comma or not head.endswith(";base64"):
            raise ValueError("no base64 data")
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise UsageError("a data URL of an image is data:image/png;base64,…", found=f"{url[:60]}: {error}") from None


def _media_type(data: bytes, where: str) -> str:
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise UsageError(f"{where} is not a PNG, JPEG, GIF or WebP image", fix="convert it: providers take no other format")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
