"""A model's files, found and read without loading the model: what it is, and whether it can be asked at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.core import Sampling, UsageError
from evalkit.models.model_files import REPO, SNAPSHOT, ModelFiles, asked_model, read_json, snapshot_of

__all__ = ["Checkpoint", "find"]

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "*.model",
    "*.tiktoken",
)
_TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja")
_CONFIG_FILES = ("config.json", "generation_config.json")
_NOT_THE_MODEL = frozenset({"transformers_version", "_name_or_path"})
"""Entries of a config that change when it is saved again and say nothing about the model."""


@dataclass(frozen=True, slots=True)
class Checkpoint(ModelFiles):
    """What transformers loads."""

    config: Mapping[str, Any]
    tokenizer_config: Mapping[str, Any]

    @property
    def is_encoder_decoder(self) -> bool:
        return bool(self.config.get("is_encoder_decoder", False))

    @property
    def template(self) -> str | None:
        """Everything that decides how a conversation becomes text, or None where there is no chat template."""
        parts = [file.read_text("utf-8") for file in _matching(self.folder, _TEMPLATE_FILES)]
        if inline := self.tokenizer_config.get("chat_template"):
            parts.append(inline if isinstance(inline, str) else json.dumps(inline, sort_keys=True))
        return "\n".join(parts) or None

    @property
    def max_length(self) -> int | None:
        """The longest input in tokens as the files say it, or None where they say nothing (see `loading`)."""
        text = self.config.get("text_config")
        for config in (self.config, text if isinstance(text, dict) else {}):
            for key in ("n_positions", "max_position_embeddings", "n_ctx"):
                if isinstance(config.get(key), int) and config[key] > 0:
                    return int(config[key])
        return None

    @property
    def recommended(self) -> Sampling:
        """How its generation_config.json has texts drawn; greedy where `do_sample` is not set."""
        found = _optional_json(self.folder / "generation_config.json")
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        said = {name: found[name] for name in names if isinstance(found.get(name), int | float)}
        # Where the file names no temperature, transformers draws at 1.
        return Sampling(**{"temperature": 1.0, **said, **({} if found.get("do_sample") else {"temperature": 0.0})})

    @property
    def has_relative_positions(self) -> bool:
        """Whether distances, not positions, are embedded (T5), so that no length is the last."""
        return "relative_attention_num_buckets" in self.config

    def config_digest(self) -> str:
        """Over config.json and generation_config.json, without what changes when they are saved again."""
        contents = [
            {key: value for key, value in read_json(file).items() if key not in _NOT_THE_MODEL}
            for file in _matching(self.folder, _CONFIG_FILES)
        ]
        return _digest(json.dumps(contents, sort_keys=True).encode())

    def tokenizer_digest(self) -> str:
        return _digest(*_contents(self.folder, _TOKENIZER_FILES))

    def code_digest(self) -> str:
        """Over the Python files next to the weights, which `trust_remote_code` runs."""
        return _digest(*_contents(self.folder, ("*.py",)))


def find(name: str, *, revision: str = "", code: bool = False) -> Checkpoint:
    """The checkpoint of a folder (`./x`, `/x`, `~/x` or any that exists) or a hub id, its small files at hand.

    A hub model's weights are left where they are until it is asked something; `code` fetches Python files too.
    Raises UsageError that says what was looked for.
    """
    if not name:
        raise UsageError("no model is named", found="hf/", fix="hf/<owner>/<name> or hf/<folder>")
    folder = Path(name).expanduser()
    commit: str | None = None
    if folder.is_dir():
        if revision:
            raise UsageError(
                "a folder has no revisions", found=f"{folder} with revision={revision}", fix="drop revision="
            )
        folder = folder.resolve()
        source, title = str(folder), folder.name
        if snapshot := SNAPSHOT.search(folder.as_posix()):
            commit, title = snapshot["commit"], snapshot["repo"].replace("--", "/", 1)
    elif name.startswith((".", "/", "~")) or not REPO.fullmatch(name):
        found = "a file is there" if folder.exists() else "nothing is there"
        raise UsageError(
            f"no model folder {name!r}",
            found=f"looked for {folder.absolute() / 'config.json'}; {found}",
            fix="hf/<folder that holds config.json> or hf/<owner>/<name> of the hub",
        )
    else:
        source = title = name
        folder, commit = _from_hub(name, revision, code)
    checkpoint = Checkpoint(
        name=f"hf/{title}",
        source=source,
        folder=folder,
        commit=commit,
        config=read_json(folder / "config.json") if (folder / "config.json").is_file() else {},
        tokenizer_config=_optional_json(folder / "tokenizer_config.json"),
    )
    _check(checkpoint)
    return checkpoint


def _from_hub(repo: str, revision: str, code: bool) -> tuple[Path, str | None]:
    """The folder of a hub model's snapshot with its small files, and its commit."""
    patterns = [*_CONFIG_FILES, *_TOKENIZER_FILES, *_TEMPLATE_FILES, *(("*.py",) if code else ())]
    return snapshot_of(asked_model(repo, revision), patterns)


def _check(checkpoint: Checkpoint) -> None:
    folder = checkpoint.folder
    if not checkpoint.config and (folder / "adapter_config.json").is_file():
        base = read_json(folder / "adapter_config.json").get("base_model_name_or_path") or "<its base model>"
        raise UsageError(
            f"{checkpoint.source} is an adapter, not a model",
            found=f"adapter_config.json and no config.json in {folder}",
            fix=f"hf/{base},adapter={checkpoint.source}",
        )
    if not checkpoint.config:
        raise UsageError(
            f"{checkpoint.source} is not a model",
            found=f"no config.json in {folder}",
            fix="name the folder that holds config.json, the tokenizer's files and the weights",
        )
    if not any(_matching(folder, _TOKENIZER_FILES)):
        raise UsageError(
            f"{checkpoint.source} has no tokenizer",
            found=f"none of {', '.join(_TOKENIZER_FILES)} in {folder}",
            fix="save the tokenizer in the model's folder (tokenizer.save_pretrained)",
        )


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted({file for pattern in patterns for file in folder.glob(pattern) if file.is_file()})


def _contents(folder: Path, patterns: tuple[str, ...]) -> list[bytes]:
    return [part for file in _matching(folder, patterns) for part in (file.name.encode(), file.read_bytes())]


def _digest(*parts: bytes) -> str:
    hasher = hashlib.blake2b(digest_size=8)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.hexdigest()


def _optional_json(file: Path) -> Mapping[str, Any]:
    return read_json(file) if file.is_file() else {}
