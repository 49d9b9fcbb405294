"""The nouns of evaluation, errors, names with options, this machine's paths, and numbers as people read them.

Nothing here opens data, asks a model or computes a statistic. This room imports nothing of evalkit's, so that
everything else can import it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.core.data import BadRow, DataOptions, OpenedSource, Row, Sample, Source, Subset
    from evalkit.core.digests import digest_of, is_number
    from evalkit.core.drawing import Sampling
    from evalkit.core.errors import RunError, UnavailableError, UsageError
    from evalkit.core.images import IMAGE_TOKENS, Image
    from evalkit.core.messages import Message
    from evalkit.core.models import Capabilities, Identity, Model, ModelError, NoAnswerError
    from evalkit.core.outcomes import Estimate, Failure, Record, Score, Validity
    from evalkit.core.parts import (
        AskModel,
        Attempt,
        ChoiceForm,
        Ends,
        Fewshot,
        FewshotOrder,
        FewshotTurns,
        FloatRows,
        GiveVerdict,
        GoldReplies,
        IntArray,
        Jackknife,
        Judge,
        Method,
        Metric,
        PromptFormat,
        Scorer,
        ScoreSample,
        Task,
        Verdict,
    )
    from evalkit.core.prompts import (
        ANY_OBJECT,
        Choose,
        Embed,
        Generate,
        Perplexity,
        Prompt,
        Reply,
        Request,
        Tokenize,
        Tool,
        ToolCall,
        Usage,
        Vectors,
        schema_text,
    )
    from evalkit.core.reports import Sibling
    from evalkit.core.suites import Member, Suite

_WHERE = {
    "data": "BadRow DataOptions OpenedSource Row Sample Source Subset",
    "digests": "digest_of is_number",
    "drawing": "Sampling",
    "errors": "RunError UnavailableError UsageError",
    "images": "IMAGE_TOKENS Image",
    "messages": "Message",
    "models": "Capabilities Identity Model ModelError NoAnswerError",
    "outcomes": "Estimate Failure Record Score Validity",
    "parts": "AskModel Attempt ChoiceForm Ends Fewshot FewshotOrder FewshotTurns FloatRows GiveVerdict GoldReplies "
    "IntArray Jackknife Judge Method Metric PromptFormat ScoreSample Scorer Task Verdict",
    "prompts": "ANY_OBJECT Choose Embed Generate Perplexity Prompt Reply Request Tokenize Tool ToolCall Usage Vectors "
    "schema_text",
    "reports": "Sibling",
    "suites": "Member Suite",
}
"""module → the names that it brings. They are imported when they are first used: `evalkit --help` needs two of them,
and making the classes of the rest would take half of its time."""
_MODULES = {name: f"evalkit.core.{module}" for module, names in _WHERE.items() for name in names.split()}

__all__ = [
    "ANY_OBJECT",
    "IMAGE_TOKENS",
    "AskModel",
    "Attempt",
    "BadRow",
    "Capabilities",
    "ChoiceForm",
    "Choose",
    "DataOptions",
    "Embed",
    "Ends",
    "Estimate",
    "Failure",
    "Fewshot",
    "FewshotOrder",
    "FewshotTurns",
    "FloatRows",
    "Generate",
    "GiveVerdict",
    "GoldReplies",
    "Identity",
    "Image",
    "IntArray",
    "Jackknife",
    "Judge",
    "Member",
    "Message",
    "Method",
    "Metric",
    "Model",
    "ModelError",
    "NoAnswerError",
    "OpenedSource",
    "Perplexity",
    "Prompt",
    "PromptFormat",
    "Record",
    "Reply",
    "Request",
    "Row",
    "RunError",
    "Sample",
    "Sampling",
    "Score",
    "ScoreSample",
    "Scorer",
    "Sibling",
    "Source",
    "Subset",
    "Suite",
    "Task",
    "Tokenize",
    "Tool",
    "ToolCall",
    "UnavailableError",
    "Usage",
    "UsageError",
    "Validity",
    "Vectors",
    "Verdict",
    "digest_of",
    "is_number",
    "schema_text",
]

if not TYPE_CHECKING:  # where it is seen, every name is a name of this module

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = found
        return found
