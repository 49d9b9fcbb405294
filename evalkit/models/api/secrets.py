"""Keys: where they come from, and how they are kept out of everything that is written down."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence

from evalkit.core import UsageError

__all__ = ["Secret", "find_key", "redacted"]

_LOOKS_SECRET = re.compile(
    r"(?i)(?<![A-Za-z0-9])(?:sk|pk|rk|gsk|xai|hf|r8|AIza)[-_]?[A-Za-z0-9][A-Za-z0-9_\-]{14,}"
    r"|(?<=bearer )\S+|(?<=[?&]key=)[^&\s]+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
"""Texts that are most likely keys: known prefixes, bearer tokens, keys in an address, a user's password in one."""
_HIDDEN = "[key]"
_SERVICE = "evalkit"


class Secret:
    """A key that shows in no repr, no traceback's variables and no format string. `reveal` gives it to a header."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a key is not pickled")

    def reveal(self) -> str:
        return self._value

    def redact(self, text: str) -> str:
        """`text` without this key (also where it was shortened to its ends) and without what looks like one."""
        key = self._value
        if len(key) >= 6:
            text = text.replace(key, _HIDDEN)
            # Servers quote a wrong key by its ends: "sk-ab****yz".
            text = re.sub(re.escape(key[:3]) + r"\S*\*{2,}\S*", _HIDDEN, text)
        return redacted(text)

    def scrub(self, data: bytes) -> bytes:
        """A body without this key, which a proxy or a server that quotes its headers may send back. What only looks
        like a key stays: a model may write an example of one, and its answer is not to be changed."""
        key = self._value.encode()
        return data.replace(key, _HIDDEN.encode()) if len(key) >= 6 and key in data else data


def redacted(text: str) -> str:
    """`text` with everything that looks like a key taken out."""
    return _LOOKS_SECRET.sub(_HIDDEN, text)


def find_key(provider: str, names: Sequence[str], *, required: bool) -> Secret:
    """The key of a provider: the first of the environment variables `names`, else the OS keyring's entry.

    The keyring is asked where the package `keyring` is installed: service "evalkit", user name = the provider.
    Raises UsageError where a required key is nowhere, and for one that cannot be in a header.
    """
    for name in names:
        value = os.environ.get(name, "").strip()
        if value:
            if not value.isascii() or not value.isprintable():
                raise UsageError(f"{name} holds characters that no key has", fix=f"export {name}=…")
            return Secret(value)
    value = _from_keyring(provider)
    if not value and required:
        raise UsageError(
            f"{provider} needs a key",
            found=f"{' and '.join(names)} not set",
            fix=f"export {names[0]}=…, or: keyring set {_SERVICE} {provider}",
        )
    return Secret(value)


def _from_keyring(provider: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return ""
    try:
        return str(keyring.get_password(_SERVICE, provider) or "")
    except Exception:  # noqa: BLE001 - backends of every desktop raise what they like; there is then no key
        return ""
