"""Packs: folders of plugin files (tasks, judges, reports) that are listed without running them and loaded by path.

`index` says what there is, `load` makes one of them, `origin` names it so that another process can load it again.
"""

from __future__ import annotations

from evalkit.plugins.index import Kind, PluginEntry, index
from evalkit.plugins.load import Origin, load, origin, reload

__all__ = ["Kind", "Origin", "PluginEntry", "index", "load", "origin", "reload"]
