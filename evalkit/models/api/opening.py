"""Opens `openai/…`, `anthropic/…`, `vllm/…` and the other providers; imports no HTTP client and asks nobody."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from evalkit.core import Identity, Model, UsageError, digest_of
from evalkit.core.distribution import pip_install
from evalkit.models.api.batches import MOST, BatchClient, Jobs
from evalkit.models.api.circuit_breaker import Breaker
from evalkit.models.api.client import Client, Patience
from evalkit.models.api.completions import CompletionsWire
from evalkit.models.api.model import ApiModel, Interfaces
from evalkit.models.api.options import CHANGES_ANSWERS, ApiOptions
from evalkit.models.api.prices import Price, parse_price, price_of
from evalkit.models.api.probing import Found, probe
from evalkit.models.api.providers import Preset
from evalkit.models.api.rate_limiter import Growth, RateLimiter
from evalkit.models.api.secrets import Secret, find_key
from evalkit.models.api.wire_format import Wire

if TYPE_CHECKING:
    from evalkit.models.api.windows import Windows

_MOST_IN_FLIGHT = 512
_FIRST_IN_FLIGHT = 16
_A_BATCHS_SECONDS = 26 * 3600.0
_BATCH_PRICE = 0.5
"""Of the list price: OpenAI's and Anthropic's."""
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


def opened(preset: Preset, name: str, options: Mapping[str, str]) -> Model:
    """The model of a provider. Raises UsageError for a missing name, key or address and for a bad option."""
    parsed = ApiOptions.parse(options)
    if not name:
        raise UsageError(f"{preset.name} needs a model's name", found=preset.name, fix=f"{preset.name}/<model>")
    if importlib.util.find_spec("aiohttp") is None:
        raise UsageError(f"{preset.name}/{name} needs aiohttp", fix=pip_install("api"))
    return assembled(preset, name, parsed)


def assembled(preset: Preset, name: str, parsed: ApiOptions, client_of: type[Client] = Client) -> Model:
    """A provider's model put together; `client_of` is what sends. Raises UsageError."""
    parsed = replace(
        parsed,
        extra_body={**preset.body, **parsed.extra_body},
        prefill=_prefill(preset, parsed),
        draws=_draws(preset, parsed),
        budget="" if (preset.imitated and parsed.base_url) else preset.budget,
    )
    provider = preset.name
    base_url = parsed.base_url or preset.base_url or _own_address(preset)
    is_own = preset.local or bool(parsed.base_url and parsed.base_url != preset.base_url)
    keys = (parsed.key_env,) if parsed.key_env else preset.keys
    # The key of a provider goes nowhere but to the provider: another address has to name its own.
    is_users = preset.local or bool(preset.address_variable)
    elsewhere = bool(parsed.base_url) and not is_users and not parsed.key_env
    required = bool(parsed.key_env) or (bool(keys) and not is_own)
    secret = Secret("") if elsewhere else find_key(provider, keys, required=required)
    wire = _wire(preset, name, parsed)
    headers = {preset.key_header: secret.reveal()} if preset.key_header and secret else wire.headers(secret.reveal())
    most, first = parsed.concurrency or _MOST_IN_FLIGHT, parsed.concurrency or _FIRST_IN_FLIGHT
    deadline = parsed.deadline
    if parsed.stream == "on" and (parsed.batch == "on" or provider == "litellm"):
        other = "batch=on" if parsed.batch == "on" else "litellm"
        raise UsageError(f"{other} does not stream replies", found="stream=on", fix="leave stream=on out")
    if parsed.batch == "on":
        client_of, most, first, deadline = BatchClient, MOST, MOST, max(deadline, _A_BATCHS_SECONDS)
    growth = Growth(most, first)
    gate = RateLimiter(growth, requests=parsed.rpm, tokens=parsed.tpm)
    windows = _windows(parsed)
    identity = _identity(provider, name, base_url, parsed, windows)
    fix = f"check the model's name, the key ({' or '.join(keys) or 'key_env=NAME'}) and the address {base_url}"
    patience = Patience(parsed.timeout, deadline, parsed.attempts, parsed.stall)
    client = client_of(base_url, headers, secret, gate, Breaker(identity.name, fix), patience)
    if isinstance(client, BatchClient):
        client.remember(_jobs(preset, parsed), identity.digest)
    texts, find = _texts(preset, name, parsed, base_url, headers, secret)
    interfaces = Interfaces(wire, texts, find, preset.wire == "chat", windows)
    return ApiModel(identity, name, parsed, client, growth, interfaces, _price(preset, name, parsed, base_url))


def _draws(preset: Preset, options: ApiOptions) -> Mapping[str, str]:
    if preset.wire == "anthropic" and (options.thinking_tokens or options.effort):
        return {}  # it takes no settings of sampling along with thought
    return {} if (preset.imitated and options.base_url) or options.api == "responses" else preset.draws


def _prefill(preset: Preset, options: ApiOptions) -> Literal["off", "turn", "continue"]:
    """How a turn that is begun is continued. Anthropic takes none before a thought, and another server at a provider's
    address may do as it likes."""
    if options.prefill != "auto":
        return options.prefill
    elsewhere = preset.imitated and options.base_url
    thinks = preset.wire == "anthropic" and options.thinking_tokens
    return "off" if elsewhere or thinks or options.api == "responses" else preset.prefill


def _jobs(preset: Preset, options: ApiOptions) -> Jobs:
    from evalkit.models.api.batch_jobs import AnthropicJobs, OpenAiJobs

    if not preset.batches:
        raise UsageError(f"{preset.name} has no batches", fix="leave batch=on out")
    if options.rpm or options.tpm:
        raise UsageError("a batch has no limit per minute", found="batch=on with rpm or tpm", fix="leave them out")
    return AnthropicJobs() if preset.wire == "anthropic" else OpenAiJobs()


def _wire(preset: Preset, name: str, options: ApiOptions) -> Wire:
    if preset.wire != "chat" and options.api != "auto":
        raise UsageError(f"{preset.name} has one interface", found=f"api={options.api}", fix="leave it out")
    if preset.wire == "anthropic":
        from evalkit.models.api.anthropic import AnthropicWire

        return AnthropicWire(name, options)
    if preset.wire == "google":
        from evalkit.models.api.google import GoogleWire

        return GoogleWire(name, options)
    if options.api == "responses":
        from evalkit.models.api.responses import ResponsesWire

        return ResponsesWire(name, options)
    from evalkit.models.api.chat import ChatWire

    elsewhere = preset.imitated and options.base_url
    return ChatWire(name, options, limit_name="max_tokens" if elsewhere else preset.limit_name)


def _texts(
    preset: Preset, name: str, options: ApiOptions, base_url: str, headers: Mapping[str, str], secret: Secret
) -> tuple[CompletionsWire | None, Callable[[], Found] | None]:
    """The format for plain texts and how to find out what the server does with it; nothing for a chat-only one."""
    asked = preset.texts is None or (preset.imitated and base_url != preset.base_url)
    if preset.wire != "chat" or options.api in ("chat", "responses") or not (asked or options.api == "completions"):
        return None, None
    wire = CompletionsWire(name, options)
    if options.logprobs != "auto":
        echo = options.logprobs == "on"
        return wire, partial(Found, texts=True, echo=echo, why="" if echo else "logprobs=off")

    def find() -> Found:
        # A closure, not a partial: the headers hold the key, and a partial shows its arguments.
        return probe(f"{preset.name}/{name}", base_url, name, headers, secret, timeout=options.timeout)

    return wire, find


def _own_address(preset: Preset) -> str:
    """The address that a provider gave the user alone; "" where it gives none."""
    if not preset.address_variable:
        return ""
    endpoint = os.environ.get(preset.address_variable, "").rstrip("/")
    if not endpoint:
        raise UsageError(
            f"{preset.name} needs the address of your resource",
            found=f"{preset.address_variable} not set",
            fix="base_url=https://<resource>.openai.azure.com/openai/v1",
        )
    return ApiOptions.parse({"base_url": f"{endpoint}/openai/v1"}).base_url


def _windows(options: ApiOptions) -> Windows | None:
    if not options.tokenizer:
        return None
    from evalkit.models.api.windows import windows_of

    return windows_of(options.tokenizer, options.max_length)


def _identity(provider: str, name: str, base_url: str, options: ApiOptions, windows: Windows | None) -> Identity:
    """Everything that changes what is answered, and where: two servers may serve one name differently."""
    said, facts = [f"{provider}/{name}"], {"backend": "api", "base_url": base_url, "model": name}
    for key in CHANGES_ANSWERS:
        value = getattr(options, key)
        if value != getattr(ApiOptions(), key):
            short = digest_of(value)[:8] if key in ("system", "extra") else str(value)
            said.append(f"{key}={short}")
            facts[key] = digest_of(value) if key in ("system", "extra") else str(value)
    if windows is not None:
        facts["windows"] = windows.digest
    return Identity(",".join(said), tuple(facts.items()))


def _price(preset: Preset, name: str, options: ApiOptions, base_url: str) -> Price | None:
    price = _list_price(preset, name, options, base_url)
    return price.times(_BATCH_PRICE) if price is not None and options.batch == "on" else price


def _list_price(preset: Preset, name: str, options: ApiOptions, base_url: str) -> Price | None:
    if options.price:
        return parse_price(options.price)
    if preset.local or urlsplit(base_url).hostname in _LOCAL_HOSTS:
        return parse_price("0/0")
    return price_of(f"{preset.name}/{name}")
