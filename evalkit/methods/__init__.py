"""How a task asks: one function a way, each making a `core.Method`; by import or by name."""

from evalkit.methods.choosing import choose
from evalkit.methods.coding import write_code
from evalkit.methods.contexts import choose_contexts
from evalkit.methods.embedding import embed, retrieve
from evalkit.methods.generating import generate
from evalkit.methods.likelihood import rolling
from evalkit.methods.reasoning import chain_of_thought
from evalkit.methods.registry import by_name, names, settings_of
from evalkit.methods.structured import call_functions, write_json
from evalkit.methods.tokens import nothing, token_likelihoods, tokenize
from evalkit.methods.tool_loop import tool_loop
from evalkit.methods.turns import multi_turn
from evalkit.methods.voting import self_consistency
from evalkit.methods.written import written_choice

__all__ = [
    "by_name",
    "call_functions",
    "chain_of_thought",
    "choose",
    "choose_contexts",
    "embed",
    "generate",
    "multi_turn",
    "names",
    "nothing",
    "retrieve",
    "rolling",
    "self_consistency",
    "settings_of",
    "token_likelihoods",
    "tokenize",
    "tool_loop",
    "write_code",
    "write_json",
    "written_choice",
]
