"""What pages stand on: files that load and run nothing foreign, text made visible, charts, shards, rankings.

The reports themselves are plugins, in `reports/`.
"""

from markupsafe import Markup

from evalkit.core import Sibling
from evalkit.core.outside_text import visible
from evalkit.reporting.pages import page
from evalkit.reporting.shards import Shards
from evalkit.reporting.summary import Tally
from evalkit.reporting.text import json_block

__all__ = ["Markup", "Shards", "Sibling", "Tally", "json_block", "page", "visible"]
