"""A local mirror of hub data sets: `<mirror>/<owner>/<name>/<config>/<split>.jsonl`, or another format, also `.gz`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evalkit.core import UsageError
from evalkit.data import paths
from evalkit.data.formats import ENDINGS
from evalkit.data.values import suggestion


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The file that holds a split, and the config it turned out to be of."""

    path: Path
    config: str


def look_up(mirror: Path, hub_id: str, config: str | None, split: str) -> Mirrored | None:
    """The file of a split, or None where the mirror does not have the data set at all.

    Without a config the mirror is searched for `default`, files next to the configs, or the only config there is.
    Raises UsageError where the data set is there and the config or split is not; it lists what is.
    """
    folder = mirror / hub_id
    if not folder.is_dir():
        return None
    for name in (config, split):
        if name is not None and not _is_plain(name):
            raise UsageError(f"{name!r} cannot name a config or split", fix="name it as the hub does", at=hub_id)
    config_folder, found_config = _config_folder(folder, hub_id, config)
    for ending in ENDINGS:
        path = config_folder / f"{split}{ending}"
        if path.is_file():
            return Mirrored(path, found_config)
    splits = _splits(config_folder)
    raise UsageError(
        f"{hub_id} is mirrored, but its {found_config} config has no split {split!r}",
        found=f"{paths.shown(config_folder)} has {', '.join(splits) or 'no data files'}",
        fix=suggestion(split, splits) or f"mirror it as {paths.shown(config_folder / split)}.jsonl",
    )


def expected(mirror: Path, hub_id: str, config: str | None, split: str) -> str:
    """Where a mirror would hold the split, for a message."""
    return f"{paths.shown(mirror)}/{hub_id}/{config or 'default'}/{split}.jsonl (or {', '.join(ENDINGS[1:])})"


def _config_folder(folder: Path, hub_id: str, config: str | None) -> tuple[Path, str]:
    configs = sorted(found.name for found in folder.iterdir() if found.is_dir() and not found.name.startswith("."))
    wanted = config or "default"
    if wanted in configs:
        return folder / wanted, wanted
    # Files next to the configs belong to no config that has a name.
    if wanted == "default" and _splits(folder):
        return folder, wanted
    if config is None and len(configs) == 1:
        return folder / configs[0], configs[0]
    listed = ", ".join(configs) if len(configs) <= 80 else ", ".join(configs[:80]) + ", …"
    raise UsageError(
        f"{hub_id} is mirrored with several configs"
        if config is None
        else f"{hub_id} is mirrored without config {config!r}",
        found=f"{paths.shown(folder)} has {listed or 'no configs'}",
        fix=(suggestion(config, configs) if config else "") or "name one of these",
    )


def _splits(folder: Path) -> list[str]:
    return sorted(
        {paths.stem_of(found) for found in folder.iterdir() if found.is_file() and found.name.endswith(ENDINGS)}
    )


def _is_plain(name: str) -> bool:
    # A task file must not lead out of the mirror.
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
