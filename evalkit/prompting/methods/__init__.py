"""How a task asks: one function a way, each making a `core.Method`; by import or by name."""

from evalkit.prompting.methods.choosing import choose
from evalkit.prompting.methods.coding import write_code
from evalkit.prompting.methods.contexts import choose_contexts
from evalkit.prompting.methods.embedding import embed, retrieve
from evalkit.prompting.methods.generating import generate
from evalkit.prompting.methods.likelihood import rolling
from evalkit.prompting.methods.reasoning import chain_of_thought
from evalkit.prompting.methods.registry import by_name, names, settings_of
from evalkit.prompting.methods.structured import call_functions, write_json
from evalkit.prompting.methods.tokens import nothing, token_likelihoods, tokenize
from evalkit.prompting.methods.tool_loop import tool_loop
from evalkit.prompting.methods.turns import multi_turn
from evalkit.prompting.methods.voting import self_consistency
from evalkit.prompting.methods.written import written_choice

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
