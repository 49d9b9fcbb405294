"""Turns of a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evalkit.core.images import Image

__all__ = ["Message", "Role"]

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `content` is its text, with a mark in the place of each of `images`."""

    role: Role
    content: str
    images: tuple[Image, ...] = ()

    @staticmethod
    def of(role: Role, *parts: str | Image) -> Message:
        """A turn of texts and images in their order."""
        text = "".join(part if isinstance(part, str) else part.mark for part in parts)
        return Message(role, text, tuple(part for part in parts if isinstance(part, Image)))

    @property
    def parts(self) -> tuple[str | Image, ...]:
        """Texts and images in their order; an image whose mark was taken out of the text is first."""
        found: list[str | Image] = [image for image in self.images if image.mark not in self.content]
        rest = self.content
        for image in (image for image in self.images if image.mark in self.content):
            before, _, rest = rest.partition(image.mark) if image.mark in rest else ("", "", rest)
            found += [before, image]
        return tuple(part for part in (*found, rest) if part)
