"""`litellm/<provider>/<model>`: what has no provider of its own, through the package litellm.

Only the sending is litellm's: flow, failures, retries and reading are those of every other provider. It costs a
multiple of the CPU time of a provider of our own (litellm builds an SDK call for every request).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Mapping
from typing import Any

from evalkit.core import Model, UsageError
from evalkit.core.distribution import pip_install
from evalkit.models.api.client import Client
from evalkit.models.api.failures import Failed
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.opening import assembled
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.providers import LITELLM

__all__ = ["litellm"]


def litellm(name: str, options: Mapping[str, str]) -> Model:
    """The model that litellm knows by `name`; its key is that of `key_env`, or what litellm finds by itself.

    Raises UsageError.
    """
    parsed = ApiOptions.parse(options)
    if "/" not in name:
        raise UsageError("litellm needs provider and model", found=f"litellm/{name}", fix="litellm/<provider>/<model>")
    if parsed.api not in ("auto", "chat"):
        raise UsageError("litellm is asked by chat alone", found=f"api={parsed.api}", fix="leave it out")
    if importlib.util.find_spec("litellm") is None:
        raise UsageError(f"litellm/{name} needs litellm", fix=pip_install("litellm"))
    return assembled(LITELLM, name, parsed, LitellmClient)


class LitellmClient(Client):
    """Sends a chat completion through litellm, without its retries."""

    async def _post(self, call: HttpCall) -> tuple[int, Mapping[str, str], bytes]:
        # It would fetch a table of prices from elsewhere as it is imported.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        package: Any = importlib.import_module("litellm")
        package.suppress_debug_info = True
        asked = dict(call.body)
        if self._base:
            asked["api_base"] = self._base
        if self._secret:
            asked["api_key"] = self._secret.reveal()
        try:
            reply = await package.acompletion(**asked, num_retries=0, max_retries=0, timeout=self._patience.timeout)
        except (package.Timeout, package.APIConnectionError) as error:
            raise Failed("unreachable", self._secret.redact(str(error))[:1000]) from None
        except Exception as error:  # noqa: BLE001 - one class for every status and provider
            status = getattr(error, "status_code", None)
            if not isinstance(status, int):
                raise Failed("wrong", self._secret.redact(f"{type(error).__name__}: {error}")[:1000]) from None
            response = getattr(error, "response", None)
            headers = {key.lower(): value for key, value in dict(getattr(response, "headers", None) or {}).items()}
            return status, headers, json.dumps({"error": {"message": str(error)}}).encode()
        return 200, {}, reply.model_dump_json().encode()
