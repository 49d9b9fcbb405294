"""Judging that was made elsewhere, as verdicts of evalkit's: AlpacaEval, FastChat, Arena, LLMBar, JudgeBench, …"""

from evalkit.judging.foreign.importing import Imported, import_verdicts
from evalkit.judging.foreign.layouts import LAYOUTS, Layout

__all__ = ["LAYOUTS", "Imported", "Layout", "import_verdicts"]
