"""vLLM's engine and the thread with the event loop that it lives in."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import sys
import threading
from collections.abc import AsyncGenerator, Mapping
from dataclasses import fields
from typing import Any

from evalkit.core import ModelError, UsageError
from evalkit.core.spec import unknown
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.vllm.identity import computed_dtype
from evalkit.models.vllm.likelihoods import Output, Question, output_of, question_params
from evalkit.models.vllm.options import ENGINE, VllmOptions

__all__ = ["VllmProcess"]

_QUIET = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
"""Its own log lines would tear the progress display; and a run sends nothing that its user did not ask for."""
_LEAST_RANK = 8


class VllmProcess:
    """`AsyncLLM` in a separate thread's event loop, so that a model may be asked from one asyncio.run after another.

    Everything but `start` and `close` belongs into that loop.
    """

    def __init__(self, checkpoint: Checkpoint, options: VllmOptions, adapter: Adapter | None) -> None:
        self._checkpoint = checkpoint
        self._options = options
        self._adapter = adapter
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="evalkit-vllm", daemon=True)
        self._numbers = itertools.count()
        self._llm: Any = None
        self._lora: Any = None
        self._sampling: Any = None
        self._structured: Any = None
        self._final: Any = None
        self._delta: Any = None
        self.dead = ""
        """Why the engine's process has ended; "" while it lives."""
        self.prompt_tokens = 0
        self.cached_tokens = 0

    def start(self) -> None:
        """Load the model; takes half a minute at least. Raises UsageError where vLLM can't."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._load(), self.loop).result()

    def _live(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _load(self) -> None:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        name = self._checkpoint.name
        try:
            import vllm
            from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
            from vllm.v1.engine.async_llm import AsyncLLM
        except Exception as error:
            raise UsageError(
                f"vllm is installed and can't be imported, so {name} can't be run", found=str(error)
            ) from error
        self._sampling, self._structured = vllm.SamplingParams, StructuredOutputsParams
        self._final, self._delta = RequestOutputKind.FINAL_ONLY, RequestOutputKind.DELTA
        arguments = self._arguments({one.name for one in fields(vllm.AsyncEngineArgs)})
        try:
            self._llm = AsyncLLM.from_engine_args(vllm.AsyncEngineArgs(**arguments))
        except Exception as error:
            lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
            raise UsageError(
                f"vLLM can't run {name}",
                found=" ".join(line.strip() for line in lines[:3]),
                fix="its own lines above may say more (VLLM_LOGGING_LEVEL=INFO says all); hf/… runs it by transformers",
            ) from error
        if self._adapter is not None:
            from vllm.lora.request import LoRARequest

            self._lora = LoRARequest(self._adapter.title, 1, str(self._adapter.folder))

    def _arguments(self, known: set[str]) -> dict[str, Any]:
        checkpoint, options = self._checkpoint, self._options
        for name in options.engine:
            if name not in known:
                error = unknown("engine argument of vLLM's", name, known)
                raise UsageError(error.wrong, found=f"{ENGINE}{name}", fix=error.fix)
        arguments: dict[str, Any] = {
            "model": checkpoint.source,
            "dtype": computed_dtype(checkpoint, options),
            "tensor_parallel_size": options.tensor_parallel_size,
            "pipeline_parallel_size": options.pipeline_parallel_size,
            "enforce_eager": options.enforce_eager,
            "trust_remote_code": options.trust_remote_code,
            "disable_log_stats": True,
            "enable_prefix_caching": options.likelihoods == "cached",
        }
        if not checkpoint.is_local:
            arguments["revision"] = arguments["tokenizer_revision"] = checkpoint.commit or options.revision or None
        said = {
            "quantization": options.quantization or None,
            "max_model_len": options.max_model_len,
            "gpu_memory_utilization": options.gpu_memory_utilization,
        }
        arguments |= {name: value for name, value in said.items() if value is not None}
        if self._adapter is not None:
            rank = max(_LEAST_RANK, int(self._adapter.config.get("r", _LEAST_RANK)))
            arguments |= {"enable_lora": True, "max_lora_rank": 1 << (rank - 1).bit_length()}
        if _has_gpus_of_several_nodes():
            arguments["distributed_executor_backend"] = "ray"
        if "use_tqdm_on_load" in known:
            arguments["use_tqdm_on_load"] = False
        return {**arguments, **options.engine}

    @property
    def max_model_len(self) -> int:
        return int(self._llm.model_config.max_model_len)

    @property
    def has_prompt_logprobs(self) -> bool:
        """Whether vLLM's `prompt_logprobs` are the model's: see `likelihoods`."""
        if self._adapter is None:
            return True
        from vllm.platforms import current_platform

        targets = self._adapter.config.get("target_modules") or ()
        names = [targets] if isinstance(targets, str) else list(targets)
        # A pattern that names no module may mean any.
        return not current_platform.is_cpu() and all(
            re.fullmatch(r"[\w.]+", name) and not name.endswith("lm_head") for name in names
        )

    @property
    def block(self) -> int:
        """Tokens of a block of the prefix cache."""
        return int(self._llm.vllm_config.cache_config.block_size or 1)

    def empty_cache(self) -> None:
        """Forget every cached prefix, so that two ways are measured alike. Blocks."""
        asyncio.run_coroutine_threadsafe(self._llm.reset_prefix_cache(), self.loop).result()

    async def ask(self, question: Question) -> Output:
        """One question's output. Raises ModelError."""
        async for found in self.written(question.ids, question_params(question)):
            if found.finished:
                return output_of(question, found)
        raise ModelError("vLLM gave no output")

    async def written(
        self, ids: tuple[int, ...], params: Mapping[str, Any], *, schema: Any = None, stepwise: bool = False
    ) -> AsyncGenerator[Any, None]:
        """vLLM's outputs for a prompt: the last alone, or `stepwise` each with its new tokens. Raises ModelError."""
        from vllm.v1.engine.exceptions import EngineDeadError

        more = {"structured_outputs": self._structured(json=schema)} if schema is not None else {}
        sampling = self._sampling(**params, **more, output_kind=self._delta if stepwise else self._final)
        counted = False
        try:
            outputs = self._llm.generate(
                {"prompt_token_ids": list(ids)}, sampling, f"evalkit-{next(self._numbers)}", lora_request=self._lora
            )
            try:
                async for found in outputs:
                    if not counted:
                        self.prompt_tokens += len(ids)
                        self.cached_tokens += found.num_cached_tokens or 0
                        counted = True
                    yield found
            finally:
                # Closing it takes the request back from the engine.
                await outputs.aclose()
        except EngineDeadError as error:
            self.dead = str(error).strip().partition("\n")[0] or "its process has ended"
            raise ModelError(f"vLLM's engine has ended: {self.dead}") from error
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"vLLM refused the request: {error}") from error

    def close(self) -> None:
        """End the engine's process and the thread. Blocks."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        if not self.loop.is_running():
            self.loop.close()

    async def _end(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        llm, self._llm = self._llm, None
        if llm is not None:
            llm.shutdown()
        del llm
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _has_gpus_of_several_nodes() -> bool:
    """Whether this is a replica whose placement group has a bundle for each GPU, which vLLM's actors are to take."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return False
    group = ray.util.get_current_placement_group()
    return group is not None and len(group.bundle_specs) > 1
