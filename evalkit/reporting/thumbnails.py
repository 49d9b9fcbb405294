"""Images of a sample, small enough to go along in a page, as data URLs."""

from __future__ import annotations

import base64
import io
from functools import lru_cache

from evalkit.core import Image, Record

_SIDE = 320
_MOST_PIXELS = 50_000_000
_AS_IT_IS = 24_000
"""Bytes of an image that goes along as it is where nothing can make it smaller."""


def thumbnails(record: Record) -> dict[str, str]:
    """Data URLs by digest of the images that were put before the model. Those that cannot be read are left out."""
    messages = [message for reply in record.replies for message in reply.sent]
    if record.prompt is not None:
        messages += record.prompt.messages
    images = {image.digest: image for message in messages for image in message.images}
    made = {digest: _thumbnail(image) for digest, image in images.items()}
    return {digest: url for digest, url in made.items() if url}


@lru_cache(maxsize=512)
def _thumbnail(image: Image) -> str:
    if image.is_address:
        return ""
    try:
        content = image.content()
    except (OSError, ValueError):
        return ""
    small = _smaller(content)
    if small:
        return f"data:image/png;base64,{base64.b64encode(small).decode('ascii')}"
    fits = len(content) <= _AS_IT_IS and image.media_type in ("image/png", "image/jpeg", "image/gif", "image/webp")
    return f"data:{image.media_type};base64,{base64.b64encode(content).decode('ascii')}" if fits else ""


def _smaller(content: bytes) -> bytes:
    """The image as a PNG of few colours within a square; b"" where Pillow is not here or cannot read it."""
    try:
        from PIL import Image as Pillow
    except ImportError:
        return b""
    try:
        with Pillow.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return b""
            picture.thumbnail((_SIDE, _SIDE))
            out = io.BytesIO()
            picture.convert("RGB").quantize(64).save(out, format="PNG", optimize=True)
            return out.getvalue()
    except Exception:  # noqa: BLE001 - a broken image may fail in any of Pillow's decoders
        return b""
