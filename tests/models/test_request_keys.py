"""The key of a text is the digest of its whole JSON, although what requests share is hashed once for all of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Generate, Identity, Message, Prompt, Tool
from evalkit.models.response_cache import request_key

LATER = {"schema": "", "tools": [], "top_logprobs": 0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
TEXT = st.text(st.characters() | st.sampled_from('\ud800\x00\x7f"\\\n é🙂'), max_size=12)
PROMPTS = st.builds(Prompt, TEXT, TEXT) | st.builds(
    Prompt, messages=st.lists(st.builds(Message, st.sampled_from(("system", "user")), TEXT), min_size=1).map(tuple)
)
REQUESTS = st.builds(
    Generate,
    PROMPTS,
    max_tokens=st.integers(1, 99),
    stop=st.lists(TEXT, max_size=2).map(tuple),
    # Equal numbers that JSON writes in another way.
    temperature=st.sampled_from((0, 0.0, 1, 1.0, True, 1e-7)),
    top_p=st.sampled_from((1, 1.0, 0.5)),
    seed=st.integers(0, 2**63),
    tools=st.sampled_from(((), (Tool("f"),))),
)


def whole(identity: Identity, request: Generate) -> str:
    """The key by the standard library alone, of the whole request at once."""
    fields: dict[str, Any] = json.loads(json.dumps(asdict(request)))
    for message in fields["prompt"]["messages"]:
        del message["images"]
    fields = {name: value for name, value in fields.items() if name not in LATER or value != LATER[name]}
    if fields["thinking_tokens"] is None:
        del fields["thinking_tokens"]
    text = json.dumps(["2", identity.digest, "Generate", fields], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


@given(st.lists(REQUESTS, min_size=1, max_size=4), st.sampled_from((Identity("m"), Identity("n", (("a", "b"),)))))
def test_a_key_is_the_digest_of_the_whole_request(requests: list[Generate], identity: Identity) -> None:
    for request in [*requests, *requests]:
        assert request_key(identity, request) == whole(identity, request)
