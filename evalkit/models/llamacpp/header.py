"""What a GGUF file says of itself: its key-value pairs and its tensors' types, read without llama.cpp.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import UsageError

__all__ = ["Header", "read_header"]

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_VERSIONS = (2, 3)
_OLDER = (b"lmgg", b"fmgg", b"tjgg", b"algg", b"ggml", b"ggmf", b"ggjt", b"ggla")

# Number, name, weights of a block and bytes of a block (ggml's table, as the package `gguf` 0.19 has it).
_TYPE_TABLE = """
0 F32 1 4, 1 F16 1 2, 30 BF16 1 2, 28 F64 1 8, 24 I8 1 1, 25 I16 1 2, 26 I32 1 4, 27 I64 1 8, 2 Q4_0 32 18,
3 Q4_1 32 20, 6 Q5_0 32 22, 7 Q5_1 32 24, 8 Q8_0 32 34, 9 Q8_1 32 40, 10 Q2_K 256 84, 11 Q3_K 256 110,
12 Q4_K 256 144, 13 Q5_K 256 176, 14 Q6_K 256 210, 15 Q8_K 256 292, 16 IQ2_XXS 256 66, 17 IQ2_XS 256 74,
18 IQ3_XXS 256 98, 19 IQ1_S 256 50, 20 IQ4_NL 32 18, 21 IQ3_S 256 110, 22 IQ2_S 256 82, 23 IQ4_XS 256 136,
29 IQ1_M 256 56, 34 TQ1_0 256 54, 35 TQ2_0 256 66, 39 MXFP4 32 17, 40 NVFP4 64 36, 41 Q1_0 128 18
"""
_TYPES = {
    int(number): (name, int(block), int(size))
    for number, name, block, size in (entry.split() for entry in _TYPE_TABLE.split(","))
}
# What `general.file_type` means (llama.cpp's enum llama_ftype): the mixture that a file was quantized to.
_MIXTURE_TABLE = """
0 F32, 1 F16, 2 Q4_0, 3 Q4_1, 7 Q8_0, 8 Q5_0, 9 Q5_1, 10 Q2_K, 11 Q3_K_S, 12 Q3_K_M, 13 Q3_K_L, 14 Q4_K_S, 15 Q4_K_M,
16 Q5_K_S, 17 Q5_K_M, 18 Q6_K, 19 IQ2_XXS, 20 IQ2_XS, 21 Q2_K_S, 22 IQ3_XS, 23 IQ3_XXS, 24 IQ1_S, 25 IQ4_NL, 26 IQ3_S,
27 IQ3_M, 28 IQ2_S, 29 IQ2_M, 30 IQ4_XS, 31 IQ1_M, 32 BF16, 36 TQ1_0, 37 TQ2_0, 38 MXFP4, 39 NVFP4, 40 Q1_0, 41 Q2_0
"""
_MIXTURES = {int(number): name for number, name in (entry.split() for entry in _MIXTURE_TABLE.split(","))}
_NO_MODELS = {
    "adapter": "a LoRA adapter",
    "mmproj": "the image part of another model",
    "imatrix": "an importance matrix",
}
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


@dataclass(frozen=True, slots=True)
class Header:
    """`values` holds the file's pairs, an array as its length; `types` the weights and bytes of each tensor type."""

    values: Mapping[str, object]
    types: Mapping[str, tuple[int, int]]
    tensors: frozenset[str]

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    @property
    def quantization(self) -> str:
        """The mixture that the file says it is ("Q4_K_M"), else the type of most of its bytes."""
        mixture = _MIXTURES.get(self.number("general.file_type", -1))
        return mixture or max(self.types, key=lambda name: self.types[name][1])

    @property
    def weights(self) -> int:
        return sum(count for count, _ in self.types.values())

    @property
    def bits(self) -> float:
        """Bits of a weight, on average over all tensors."""
        return 8 * sum(size for _, size in self.types.values()) / max(1, self.weights)

    @property
    def max_length(self) -> int | None:
        """Tokens that the model was made to read."""
        return self.number(f"{self.architecture}.context_length", 0) or None

    @property
    def template(self) -> str | None:
        return self.text("tokenizer.chat_template") or None

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str, otherwise: int) -> int:
        value = self.values.get(key)
        return value if isinstance(value, int) else otherwise


def read_header(path: Path) -> Header:
    """The header of a file that can be run. Raises UsageError for what is none, or only a part of one."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        magic = stream.read(8)
        if magic[:4] != b"GGUF":
            older = "; an older format of llama.cpp's, which nothing reads any more" if magic[:4] in _OLDER else ""
            raise UsageError(
                f"{path.name} is not a GGUF file",
                found=f"it begins with {magic[:4]!r}{older}" if magic else "it is empty",
                fix="a file that llama.cpp's convert_hf_to_gguf.py or `python -m tools.write_gguf` made",
                at=str(path),
            )
        _check_version(path, magic)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                header, end = _Reading(content).header()
            except (struct.error, UnicodeDecodeError, ValueError, KeyError, IndexError) as error:
                raise UsageError(
                    f"the header of {path.name} can't be read",
                    found=f"{type(error).__name__}: {error}",
                    fix="download or convert it again",
                    at=str(path),
                ) from None
    _check(path, header)
    if end > size:
        raise UsageError(
            f"{path.name} is cut short",
            found=f"{size:,} bytes of {end:,}",
            fix="download or convert it again",
            at=str(path),
        )
    return header


def _check_version(path: Path, magic: bytes) -> None:
    version = int.from_bytes(magic[4:], "little")
    if version not in _VERSIONS:
        other = int.from_bytes(magic[4:], "big")
        found = f"version {other}, big-endian" if other in _VERSIONS else f"version {version}"
        raise UsageError(f"{path.name} can't be read here", found=f"GGUF {found}", fix="convert it again", at=str(path))


def _check(path: Path, header: Header) -> None:
    kind = header.text("general.type")
    if header.number("split.count", 1) > 1 or _SPLIT.search(path.name):
        raise UsageError(
            f"{path.name} is one part of a model",
            found=f"it says that there are {header.number('split.count', 1)} parts",
            fix=f"put them together: llama-gguf-split --merge {path.name} whole.gguf",
            at=str(path),
        )
    if kind in _NO_MODELS or not header.types:
        found = _NO_MODELS.get(kind, "a vocabulary without weights")
        raise UsageError(f"{path.name} holds no model", found=found, fix="name the model's own file", at=str(path))


class _Reading:
    """A place in the file's bytes that moves on with what is read. Raises struct.error beyond the end."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 8

    def header(self) -> tuple[Header, int]:
        """The header, and how many bytes the file must have."""
        tensors, pairs = self._number("<Q"), self._number("<Q")
        values: dict[str, object] = {}
        for _ in range(pairs):
            key = self._text()
            values[key] = self._value(self._number("<I"))
        types: dict[str, tuple[int, int]] = {}
        names, end = set(), 0
        for _ in range(tensors):
            names.add(self._text())
            shape = [self._number("<Q") for _ in range(self._number("<I"))]
            number, offset = self._number("<I"), self._number("<Q")
            count = math.prod(shape)
            # A type that is newer than this table has no known size; its own number stands for it.
            name, block, size = _TYPES.get(number, (f"type {number}", 1, 0))
            bytes_ = count // block * size
            had = types.get(name, (0, 0))
            types[name] = (had[0] + count, had[1] + bytes_)
            end = max(end, offset + bytes_)
        alignment = values.get("general.alignment", 32)
        data = -(-self._at // int(str(alignment))) * int(str(alignment))
        return Header(values, types, frozenset(names)), data + end if tensors else 0

    def _number(self, form: str) -> int:
        value: int = struct.unpack_from(form, self._content, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def _text(self) -> str:
        length = self._number("<Q")
        if self._at + length > len(self._content):
            raise ValueError(f"a text of {length} bytes at byte {self._at}")
        self._at += length
        return self._content[self._at - length : self._at].decode("utf-8")

    def _value(self, kind: int) -> object:
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            return self._number(_SCALARS[kind])
        inner, count = self._number("<I"), self._number("<Q")
        self._skip(inner, count)
        return count

    def _skip(self, kind: int, count: int) -> None:
        if kind in _SCALARS:
            self._at += count * struct.calcsize(_SCALARS[kind])
            return
        for _ in range(count):
            if kind == _ARRAY:
                self._value(_ARRAY)
            else:
                self._at += 8 + struct.unpack_from("<Q", self._content, self._at)[0]
