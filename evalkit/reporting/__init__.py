"""What pages stand on: files that load and run nothing foreign, text made visible, charts, shards, rankings."""

from evalkit.reporting.pages import page
from evalkit.reporting.shards import Shards
from evalkit.reporting.tally import Tally
from evalkit.reporting.text import json_block, visible

__all__ = ["Shards", "Tally", "json_block", "page", "visible"]
