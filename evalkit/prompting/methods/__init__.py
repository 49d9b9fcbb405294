"""How a task asks: functions that make a `core.Method`, one import line each: the line is what names it everywhere."""

from evalkit.prompting.methods.choosing import choose as choose
from evalkit.prompting.methods.coding import write_code as write_code
from evalkit.prompting.methods.contexts import choose_contexts as choose_contexts
from evalkit.prompting.methods.embedding import embed as embed
from evalkit.prompting.methods.generating import generate as generate
from evalkit.prompting.methods.likelihood import perplexity as perplexity
from evalkit.prompting.methods.reasoning import chain_of_thought as chain_of_thought
from evalkit.prompting.methods.structured import call_functions as call_functions
from evalkit.prompting.methods.structured import write_json as write_json
from evalkit.prompting.methods.tokens import token_likelihoods as token_likelihoods
from evalkit.prompting.methods.tokens import tokenize as tokenize
from evalkit.prompting.methods.tool_loop import tool_loop as tool_loop
from evalkit.prompting.methods.turns import multi_turn as multi_turn
from evalkit.prompting.methods.voting import self_consistency as self_consistency
from evalkit.prompting.methods.written import written_choice as written_choice
