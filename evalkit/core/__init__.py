"""The nouns of evaluation, errors, names with options, this machine's paths, and numbers as people read them.

Nothing here opens data, asks a model or computes a statistic. This room imports nothing of evalkit's, so that
everything else can import it.
"""

from typing import TYPE_CHECKING

from evalkit.core.data import BadRow, DataOptions, OpenedSource, Row, Sample, Source, Subset
from evalkit.core.digests import digest_of, is_number
from evalkit.core.errors import RunError, UnavailableError, UsageError
from evalkit.core.images import IMAGE_TOKENS, Image
from evalkit.core.messages import Message
from evalkit.core.models import Capabilities, Identity, Model, ModelError
from evalkit.core.outcomes import Estimate, Failure, Record, Score, Validity
from evalkit.core.parts import (
    AskModel,
    Attempt,
    Fewshot,
    FewshotOrder,
    GiveVerdict,
    GoldReplies,
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

if TYPE_CHECKING:
    from evalkit.core.parts import Ends, FloatRows, IntArray

__all__ = [
    "IMAGE_TOKENS",
    "AskModel",
    "Attempt",
    "BadRow",
    "Capabilities",
    "Choose",
    "DataOptions",
    "Embed",
    "Ends",
    "Estimate",
    "Failure",
    "Fewshot",
    "FewshotOrder",
    "FloatRows",
    "Generate",
    "GiveVerdict",
    "GoldReplies",
    "Identity",
    "Image",
    "IntArray",
    "Judge",
    "Member",
    "Message",
    "Method",
    "Metric",
    "Model",
    "ModelError",
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
