"""How a task asks: one function a way, each making a `core.Method`; by import or by name."""

from evalkit.methods.choosing import choose
from evalkit.methods.contexts import choose_contexts
from evalkit.methods.generating import generate
from evalkit.methods.likelihood import rolling
from evalkit.methods.registry import by_name, names
from evalkit.methods.voting import self_consistency

__all__ = ["by_name", "choose", "choose_contexts", "generate", "names", "rolling", "self_consistency"]
