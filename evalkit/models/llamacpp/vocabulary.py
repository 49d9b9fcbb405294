"""The tokenizer in a GGUF file, asked as transformers' tokenizers are asked."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.models.llamacpp.header import Header
from evalkit.models.llamacpp.library import complaint, library
from evalkit.models.llamacpp.template import render

__all__ = ["Vocabulary"]

_TOOLS = "tokenizer.chat_template.tool_use"
_CONTROL = 1 << 3
"""llama.cpp's attribute of tokens that are no text."""
_USER_DEFINED = 1 << 4


class Vocabulary:
    """A file's tokenizer; its weights are left alone. Reading it twice at the same time is allowed."""

    def __init__(self, path: Path, header: Header) -> None:
        """Raises UsageError where llama.cpp does not know the tokenizer."""
        self._llama = library()
        self._header = header
        params = self._llama.llama_model_default_params()
        params.vocab_only = True
        self._model = self._llama.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise UsageError(f"the tokenizer of {path.name} can't be loaded", found=complaint(), at=str(path))
        self._vocab = self._llama.llama_model_get_vocab(self._model)
        self._is_pieces = header.text("tokenizer.ggml.model") not in ("gpt2", "none")

    def __len__(self) -> int:
        return int(self._llama.llama_vocab_n_tokens(self._vocab))

    @property
    def bos_token_id(self) -> int | None:
        """The token that begins a text; None where the file names none (llama.cpp would then guess)."""
        return self._special("bos", self._llama.llama_vocab_bos)

    @property
    def eos_token_id(self) -> int | None:
        return self._special("eos", self._llama.llama_vocab_eos)

    def _special(self, name: str, asked: Any) -> int | None:
        named = self._header.number(f"tokenizer.ggml.{name}_token_id", -1)
        if named >= 0:
            return named
        found = int(asked(self._vocab)) if self._is_pieces else -1
        return found if found >= 0 else None

    @cached_property
    def eos_ids(self) -> frozenset[int]:
        """Every token that ends a text, as llama.cpp sees it."""
        return frozenset(token for token in range(len(self)) if self._llama.llama_vocab_is_eog(self._vocab, token))

    @property
    def chat_template(self) -> str | None:
        return self._header.template

    def __call__(
        self,
        texts: str | Sequence[str],
        *,
        add_special_tokens: bool = True,
        return_attention_mask: bool = False,
        verbose: bool = False,
    ) -> dict[str, Any]:
        """The ids of a text, or of each of several; special tokens that are written out are read as such."""
        if isinstance(texts, str):
            return {"input_ids": self._ids(texts, add_special_tokens)}
        return {"input_ids": [self._ids(text, add_special_tokens) for text in texts]}

    def _ids(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8")
        room = len(data) + 8
        while True:
            tokens = (self._llama.llama_token * room)()
            count = self._llama.llama_tokenize(self._vocab, data, len(data), tokens, room, special, True)
            if count >= 0:
                return list(tokens[:count])
            if -count <= room:
                raise ValueError("llama.cpp can't tokenise it")
            room = -count

    def decode(
        self, ids: Sequence[int], *, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """The text of ids; bytes that are no UTF-8 become U+FFFD, as transformers has it. Blanks are never tidied."""
        pieces = self._text_pieces if skip_special_tokens else self._all_pieces
        data = b"".join(pieces[token] for token in ids)
        # A SentencePiece tokenizer writes a blank before the first word, which is none of the text's.
        if self._strips and ids and data.startswith(b" ") and not self._is_control(ids[0]):
            data = data[1:]
        return data.decode("utf-8", "replace")

    def _is_control(self, token: int) -> bool:
        return bool(self._attributes(token) & _CONTROL)

    def _attributes(self, token: int) -> int:
        return int(self._llama.llama_vocab_get_attr(self._vocab, token))

    @cached_property
    def all_special_ids(self) -> list[int]:
        """The tokens that are no text."""
        return [token for token in range(len(self)) if self._is_control(token)]

    @cached_property
    def marks(self) -> list[str]:
        """The texts of tokens that are no words: control tokens and those that the model's makers added."""
        marked = (token for token in range(len(self)) if self._attributes(token) & (_CONTROL | _USER_DEFINED))
        return [self._all_pieces[token].decode("utf-8", "replace") for token in marked]

    @cached_property
    def _strips(self) -> bool:
        return self._is_pieces and bool(self._header.values.get("tokenizer.ggml.add_space_prefix", True))

    @cached_property
    def _all_pieces(self) -> list[bytes]:
        return [self._piece(token, special=True) for token in range(len(self))]

    @cached_property
    def _text_pieces(self) -> list[bytes]:
        return [self._piece(token, special=False) for token in range(len(self))]

    def _piece(self, token: int, *, special: bool) -> bytes:
        room = 64
        while True:
            data = ctypes.create_string_buffer(room)
            count = self._llama.llama_token_to_piece(self._vocab, token, data, room, 0, special)
            if count >= 0:
                return data.raw[:count]
            room = -count

    def apply_chat_template(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tokenize: bool = False,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
    ) -> str:
        """The conversation as the file's template writes it; a template for tools serves where there are tools."""
        template = (self._header.text(_TOOLS) if tools else "") or self._header.template or ""
        names = {}
        for name in ("bos", "eos", "unk", "sep", "pad"):
            token = self._header.number(f"tokenizer.ggml.{_KEYS.get(name, name)}_token_id", -1)
            token = (self.bos_token_id if name == "bos" else self.eos_token_id if name == "eos" else token) or token
            if token >= 0:
                names[f"{name}_token"] = self._all_pieces[token].decode("utf-8", "replace")
        return render(
            template,
            messages,
            tools=tools,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=continue_final_message,
            names=names,
        )

    def close(self) -> None:
        """Free it; nothing may be asked afterwards."""
        model, self._model = self._model, None
        if model:
            self._llama.llama_model_free(model)


_KEYS = {"unk": "unknown", "sep": "seperator", "pad": "padding"}
"""Where the file's key is not the template's name; the misspelling is the format's own."""
