"""The one table of what servers say when they give no answer, and what follows from it.

It serves every request alike: plain ones and streams, batches, probes, a judge's. Rows are tried in order; the first
that fits decides. `seen` names the servers on which its form was seen, in their documentation, their code or a public
report. Why a text ended is the table in `finish_reasons.py`; the shapes of errors are read in `error_bodies.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from evalkit.models.api.error_bodies import Said, error_of, read_error
from evalkit.models.api.failures import Change, Failed, Kind
from evalkit.models.api.parameters import change_for, value_in
from evalkit.models.api.rate_limit_headers import retry_after

__all__ = ["ROWS", "Row", "classify"]


@dataclass(frozen=True, slots=True)
class Row:
    """It fits where the status is one of `statuses` (any, without them), the header has its value, and one of the codes
    or the words fit."""

    name: str
    kind: Kind
    seen: str
    statuses: frozenset[int] = frozenset()
    codes: re.Pattern[str] | None = None
    words: re.Pattern[str] | None = None
    header: tuple[str, str] = ("", "")

    def fits(self, status: int, said: Said, headers: Mapping[str, str]) -> bool:
        name, value = self.header
        if (self.statuses and status not in self.statuses) or (name and headers.get(name, "").lower() != value):
            return False
        if self.codes is None and self.words is None:
            return True
        if self.codes is not None and any(self.codes.fullmatch(code) for code in said.codes):
            return True
        return self.words is not None and self.words.search(said.lowered) is not None


def _row(
    name: str,
    kind: Kind,
    seen: str,
    statuses: tuple[int, ...] = (),
    codes: str = "",
    words: str = "",
    header: tuple[str, str] = ("", ""),
) -> Row:
    patterns = [_pattern(form) if form else None for form in (codes, words)]
    return Row(name, kind, seen, frozenset(statuses), patterns[0], patterns[1], header)


def _pattern(forms: str) -> re.Pattern[str]:
    """One pattern of forms that are on lines, or with " | " between them."""
    return re.compile("|".join(form.strip() for line in forms.strip().splitlines() for form in line.split(" | ")))


_REQUEST = (200, 400, 403, 404, 413, 422, 451, 500, 502, 503)
_BUSY = (200, 400, 403, 408, 413, 424, 429, 498, 500, 502, 503, 504, 529)
ROWS: tuple[Row, ...] = (
    _row(
        "filter",
        "filtered",
        "OpenAI, Azure, Anthropic, xAI, OpenRouter, Moonshot, Zhipu, DashScope, MiniMax, LiteLLM",
        _REQUEST,
        codes=r"""
        content_filter(ed)? | content_policy_violation | responsibleaipolicyviolation | data_?inspection_?failed
        prohibited_content | sensitive_content.* | content_moderation.* | 1301 | minimax-102[67]""",
        words=r"""
        flagged as potentially violating | content management policy | content filtering policy | considered high risk
        rejected (as a result of|by) (our|the) safety system
        violates? (our |the )?(usage|content) (guidelines|polic)
        input (was|is) flagged | requires moderation .{0,80}flagged | contentpolicyviolationerror
        inappropriate content | sensitive (content|words) | blocked by (the |our )?(content|safety) filter""",
    ),
    _row(
        "credit",
        "spent",
        "OpenAI, Anthropic, DeepSeek, OpenRouter, xAI, Moonshot, Zhipu, DashScope, MiniMax, Together, LiteLLM",
        codes=r"""
        insufficient_quota | billing_hard_limit_reached | billing_error | quota_exhausted | insufficient_balance
        insufficient_credits? | credit_limit | arrearage | exceeded_current_quota_error | budget_exceeded | 1113
        minimax-1008""",
        words=r"""
        credit balance is too low | insufficient (account )?(balance|credits?|quota|funds) | more credits
        exceeded your current quota.{0,140}openai\.com | payment required | have (any|enough) credits
        budget has been exceeded | account is (suspended|in arrears) | billing hard limit | spending limit""",
    ),
    _row("payment", "spent", "DeepSeek, OpenRouter, Together", (402,)),
    _row(
        "key",
        "refused",
        "OpenAI, Anthropic, Google, xAI, DashScope, MiniMax, LiteLLM",
        codes=r"""
        invalid_api_key | authentication_error | api_key_invalid | invalid_authentication.* | account_deactivated
        unsupported_country_region_territory | unauthenticated | access_terminated | minimax-(1004|2049)""",
        words=r"""
        incorrect api key | api key not valid | invalid api.?key | api key expired | invalid x-api-key | no api key
        user location is not supported | authentication fails | api.?key (is )?(missing|required)""",
    ),
    _row(
        "too long",
        "too long",
        "OpenAI, Azure, Anthropic, Google, Mistral, xAI, DeepSeek, OpenRouter, Together, Cohere, Cerebras, vLLM,"
        " SGLang, TGI, llama.cpp, LM Studio, LiteLLM",
        _REQUEST,
        codes=r"""
        context_length_exceeded | exceed_context_size_error | request_too_large | string_above_max_length | 3051""",
        words=r"""
        context.?(length|window|limit|size) (exceeded|overflow) | maximum context (length|limit|window)
        prompt is too long | longer than the (model's )?(maximum )?(context|model) length | exceed context limit
        exceeds? the (available )?(context|model's (maximum )?context) | context the overflows | maximum prompt length
        exceeds the max_model_len | input token count .{0,40}exceeds | `?inputs`? tokens \+ `max_new_tokens` must be
        `?inputs`? must have less than | too many (input )?tokens(?! per|, please) | exceeds? context window
        contextwindowexceeded | reduce the length of (the|your) (messages|prompt|input) | longer than the maximum
        input (is )?too (long|large) | current length is \d+ while limit
        tokens .{0,20}exceed.{0,40}(limit|maximum)""",
    ),
    _row(
        "larger than the budget",
        "too long",
        "OpenAI, Groq",
        (413, 429),
        words="request too large | must be reduced in order to run",
    ),
    _row("payload", "too long", "Anthropic, Groq, nginx", (413,)),
    _row(
        "roles",
        "unsupported",
        "OpenAI, Google, Mistral, Bedrock, vLLM, SGLang, TGI, llama.cpp, LM Studio, LiteLLM",
        _REQUEST,
        words=r"""
        system (role|message|prompt|instruction)s?\b.{0,40}not (be )?(support|allowed|enabled|permitted)
        n(o|')t support.{0,20}(system|developer) (role|message|prompt|instruction) | roles must alternate
        (developer|system) instructions? (is|are) not (enabled|supported) | must alternate between
        only user(,| and) assistant.{0,20}roles? | first (message|content|turn) .{0,20}(must|should) .{0,20}user
        (unexpected|invalid|unknown|unsupported) role:? \S{0,3}(system|developer)
        does not support \W?(system|developer)\W? with this model | \Wsystem\W (role )?is not (one of|supported|a valid)
        messages\W{1,2}\d+\W{1,2}role.{0,60}(user|assistant) | system message must be | must start with a user
        (multiple|consecutive) (system|user) messages""",
    ),
    # What of a request a server names as the cause is found in `parameters.py`.
    _row(
        "parameter",
        "unsupported",
        "OpenAI, Azure, Anthropic, Google, Mistral, xAI, Groq, DeepSeek, Fireworks, Moonshot, vLLM, SGLang,"
        " TGI, Ollama, llama.cpp, LiteLLM, FastAPI",
        (200, 400, 422, 500, 501),
    ),
    _row(
        "told not to try again",
        "wrong",
        "OpenAI, Anthropic",
        (408, 409, 429, *range(500, 600)),
        header=("x-should-retry", "false"),
    ),
    _row(
        "busy",
        "overloaded",
        "OpenAI, Azure, Anthropic, Google, Bedrock, Mistral, Groq, Moonshot, Zhipu, MiniMax, OpenRouter, SGLang, TGI,"
        " Ollama, llama.cpp, Hugging Face, LiteLLM",
        _BUSY,
        codes=r"""
        overloaded(_error)? | rate_limit.* | ratelimit.* | too_?many_?requests | resource_exhausted | throttling.*
        engine_overloaded(_error)? | server_overloaded | capacity_exceeded | slow_down | unavailable(_error)?
        concurrency_limit.* | quota_exceeded | 130[25] | minimax-(1002|1039|1041|2045) | 429 | 498 | 503 | 529""",
        words=r"""
        rate.?limit | too many (concurrent )?requests | throttl | overloaded | at capacity | capacity exceeded
        out of capacity | server (is )?busy | maximum pending requests | queue is full | slow down
        resource.?(has been )?exhausted | quota exceeded | (tokens|requests) per min | loading model
        is currently loading | model is loading | no deployments available | high (demand|load|traffic)
        temporarily unavailable | too many tokens, please wait""",
    ),
    _row("busy by status", "overloaded", "all", (429, 498, 503, 529)),
    _row("told to try again", "broken", "OpenAI, Anthropic", header=("x-should-retry", "true")),
    _row("key by status", "refused", "all", (401, 403)),
    _row(
        "no endpoint for the parameters",
        "wrong",
        "OpenRouter",
        (404,),
        words="no endpoints found that (can handle|support)",
    ),
    _row("no such model", "refused", "all", (404,)),
    _row(
        "wrong by its code",
        "wrong",
        "Anthropic and OpenAI (batches, streams), Google, MiniMax, LM Studio",
        (200,),
        codes="invalid_request(_error)? | invalid_argument | not_found_error | permission_error | minimax-2013",
        words="unexpected endpoint or method",
    ),
    _row(
        "wrong, told as broken",
        "wrong",
        "llama-cpp-python, llama.cpp",
        (500,),
        words=r"\d validation errors?\b | literal_error | codec can't encode | must be created with | invalid schema",
    ),
    _row(
        "server broken",
        "broken",
        "all; 424 on TGI, 520 to 527 on Cloudflare",
        (200, 408, 409, 424, 425, 460, 499, *range(500, 600)),
    ),
    _row("wrong", "wrong", "all"),
)

_COUNTS = (
    # (tokens that the model holds, tokens of the prompt) where a server says both: what is left is for the reply.
    re.compile(
        r"context (?:length|limit|window)\D{0,20}(?P<all>\d+)\D.*?(?P<prompt>\d+) "
        r"(?:in (?:the|your) (?:messages|prompt)|(?:input|prompt) tokens|tokens from the input)"
    ),
    re.compile(r"must be <= (?P<all>\d+)\. given: (?P<prompt>\d+) `inputs` tokens"),
    re.compile(r"exceed context limit: (?P<prompt>\d+) \+ \d+ > (?P<all>\d+)"),
)


def classify(
    status: int,
    body: object,
    text: str = "",
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    sent: Mapping[str, Any] = MappingProxyType({}),
    needs: frozenset[str] = frozenset(),
) -> Failed:
    """The failure that an answer is whose status is not 200, or whose body says that it is an error.

    `sent` is the body of the request, `needs` are parameters that it cannot do without.
    """
    said = read_error(body, text)
    wait = retry_after(headers, body, said.lowered)
    if status == 200 and error_of(body) is not None and said.status:
        # Some gateways answer 200 and put the upstream's status into the body.
        status = said.status
    for row in ROWS:
        if row.name == "parameter":
            change = change_for(said, sent, needs) if status in row.statuses else None
        elif not row.fits(status, said, headers):
            continue
        elif row.name == "too long" and (left := _left(said, sent)) is not None:
            change = left
        else:
            change = Change("system", "fold") if row.name == "roles" else None
            if change is None:
                return Failed(row.kind, said.words, status, wait if row.kind in _WAITS else None, row=row.name)
        if change is not None:
            return Failed("unsupported", said.words, status, change=change, row=row.name)
    raise AssertionError("the last row fits everything")


_WAITS = frozenset({"overloaded", "broken"})


def _left(said: Said, sent: Mapping[str, Any]) -> Change | None:
    """A prompt that fits with fewer tokens of reply is asked again with those that are left."""
    _, asked = value_in(sent, "max_tokens")
    words = said.lowered.replace(",", "")
    for form in _COUNTS:
        if (match := form.search(words)) and isinstance(asked, int):
            left = int(match["all"]) - int(match["prompt"])
            if 1 <= left < asked:
                return Change("max_tokens", "once", left)
    return None
