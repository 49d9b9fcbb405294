"""Packs: folders of plugin files (tasks, judges, scorers, …) that are listed without running them and loaded by path.

`index` says what there is, `load` makes one of them, `origin` names it so that another process can load it again.
Importing this package lets `models.resolve` find the models among them.

The plugins themselves lie in packs: `tasks/`, `judges/`, `reports/`, and a user's own folders.
"""

from __future__ import annotations

from evalkit.models.registry import find_own_with
from evalkit.plugins.index import PluginEntry, index
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.load import load, reload
from evalkit.plugins.origin import Origin, origin
from evalkit.plugins.own_models import open_in_file, own_providers

__all__ = ["KINDS", "Kind", "Origin", "PluginEntry", "index", "load", "origin", "reload"]

find_own_with(own_providers, open_in_file)
