"""An embedding model's files, found and read without loading it: what it is made of, and its identity."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import Identity, UsageError, digest_of
from evalkit.models.embeddings.options import CHANGES_ANSWERS, EmbeddingOptions
from evalkit.models.hf.loading.weight_files import stored_dtype, weight_digest, weight_files
from evalkit.models.model_files import REPO, SNAPSHOT, ModelFiles, asked_model, read_json, snapshot_of

__all__ = ["Files", "find", "identify"]

_SMALL = ("*.json", "*.txt", "*.model", "*.jinja", "*.py")
"""Everything that decides an embedding next to the weights: modules, pooling, prompts, tokenizer, code."""


@dataclass(frozen=True, slots=True)
class Files(ModelFiles):
    """What sentence-transformers loads."""

    @property
    def parts(self) -> tuple[Path, ...]:
        """The folders of its modules, in their order; the folder itself for a plain encoder."""
        listed = self.folder / "modules.json"
        if not listed.is_file():
            return (self.folder,)
        return tuple(dict.fromkeys(self.folder / str(entry["path"]) for entry in read_json(listed, list)))

    @property
    def max_length(self) -> int | None:
        """The longest input in tokens as the files say it, or None where they say nothing."""
        for folder in (self.folder, *self.parts):
            for name, key in (
                ("sentence_bert_config.json", "max_seq_length"),
                ("config.json", "max_position_embeddings"),
            ):
                file = folder / name
                value = read_json(file, dict).get(key) if file.is_file() else None
                if isinstance(value, int) and value > 0:
                    return value
        return None

    def small_digest(self) -> str:
        """Over the names and contents of all small files of its modules."""
        hasher = hashlib.blake2b(digest_size=8)
        for folder in dict.fromkeys((self.folder, *self.parts)):
            for file in sorted({file for pattern in _SMALL for file in folder.glob(pattern) if file.is_file()}):
                content = file.read_bytes()
                hasher.update(f"{file.relative_to(self.folder)} {len(content)}\n".encode())
                hasher.update(content)
        return hasher.hexdigest()

    def weights(self) -> tuple[Path, ...]:
        """The weight files of all its modules."""
        return tuple(file for folder in self.parts for file in weight_files(folder))


def find(name: str, options: EmbeddingOptions) -> Files:
    """The files of a folder (`./x`, `/x`, `~/x` or any that exists) or a hub id; a hub model's weights stay there.

    Raises UsageError that says what was looked for.
    """
    if not name:
        raise UsageError("no embedding model is named", found="st/", fix="st/<owner>/<name> or st/<folder>")
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith((".", "/", "~")) or not REPO.fullmatch(name):
            found = "a file is there" if folder.exists() else "nothing is there"
            raise UsageError(
                f"no model folder {name!r}",
                found=f"looked for {folder.absolute()}; {found}",
                fix="st/<folder with modules.json or config.json> or st/<owner>/<name> of the hub",
            )
        return _from_hub(name, options)
    if options.revision:
        raise UsageError("a folder has no revisions", found=f"{folder}, revision={options.revision}", fix="drop it")
    folder = folder.resolve()
    snapshot = SNAPSHOT.search(folder.as_posix())
    title, commit = folder.name, None
    if snapshot:
        title, commit = snapshot["repo"].replace("--", "/", 1), snapshot["commit"]
    files = Files(f"st/{title}", str(folder), folder, commit)
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise UsageError(
            f"{folder} is not an embedding model",
            found="neither modules.json nor config.json",
            fix="name the folder that SentenceTransformer.save or an encoder's save_pretrained wrote",
        )
    if not files.weights():
        raise UsageError(f"{folder} has no weights", found="no *.safetensors and no *.bin", fix="save the model there")
    return files


def _from_hub(repo: str, options: EmbeddingOptions) -> Files:
    patterns = [*_SMALL, *(f"*/{pattern}" for pattern in _SMALL)]
    folder, commit = snapshot_of(asked_model(repo, options.revision), patterns, install="embeddings")
    return Files(f"st/{repo}", repo, folder, commit)


def identify(files: Files, options: EmbeddingOptions) -> Identity:
    """The identity: everything that changes a vector, and nothing of where the model lies or how it is run."""
    try:
        weights = f"hub:{files.commit}" if files.commit else f"sha256:{weight_digest(files.weights())}"
    except OSError as error:
        raise UsageError(f"the weights of {files.name} can't be read", found=str(error)) from None
    facts = {"backend": "sentence-transformers", "weights": weights, "files": files.small_digest()}
    facts["dtype"] = options.dtype
    if options.dtype == "auto":
        facts["dtype"] = stored_dtype(files.weights()) or "auto"
    plain, said = EmbeddingOptions(), [files.name]
    for key in CHANGES_ANSWERS:
        value = getattr(options, key)
        if value != getattr(plain, key):
            is_text = key.endswith("_prompt")
            if key != "dtype":
                facts[key] = digest_of(value) if is_text else str(value)
            said.append(f"{key}={digest_of(value)[:8] if is_text else str(value).lower()}")
    return Identity(",".join(said), tuple(facts.items()), fixed=True)
