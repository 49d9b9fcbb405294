"""What a task's YAML says, with lm-eval's defaults for what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.core import UsageError
from evalkit.core.spec import nearest

__all__ = ["Config", "FewshotForm", "config_of"]

OUTPUTS = ("generate_until", "loglikelihood", "loglikelihood_rolling", "multiple_choice")
DEFAULT_TOKENS = 256


@dataclass(frozen=True, slots=True)
class FewshotForm:
    """How examples are had and shown; what the YAML leaves out is as the task has it for what it asks."""

    sampler: Any = "default"
    split: str | None = None
    process_docs: Any = None
    samples: Any = None
    doc_to_text: Any = None
    doc_to_choice: Any = None
    doc_to_target: Any = None
    gen_prefix: str | None = None
    fewshot_delimiter: str = "\n\n"
    target_delimiter: str = " "


@dataclass(frozen=True, slots=True)
class Config:
    """The keys of a task that decide what is asked and how it is scored."""

    task: str
    output_type: str
    dataset_path: str | None
    dataset_name: str | None
    training_split: str | None
    validation_split: str | None
    test_split: str | None
    process_docs: Any
    doc_to_text: Any
    doc_to_target: Any
    doc_to_choice: Any
    doc_to_image: Any
    description: Any
    target_delimiter: str
    fewshot_delimiter: str
    gen_prefix: str | None
    num_fewshot: int
    fewshot: FewshotForm
    metric_list: list[dict[str, Any]] | None
    process_results: Any
    filter_list: list[dict[str, Any]] | None
    generation: Mapping[str, Any]
    repeats: int
    version: str
    raw: Mapping[str, Any]

    @property
    def eval_split(self) -> str | None:
        """The split that is asked: the test split, else the validation split."""
        return self.test_split if self.test_split is not None else self.validation_split


def config_of(values: Mapping[str, Any], at: str) -> Config:
    """The task in a mapping of YAML values whose functions were resolved.

    Raises UsageError for a kind of output that there is none of, and for what evalkit has nothing for.
    """
    kind = values.get("output_type", "generate_until")
    if kind not in OUTPUTS:
        close = nearest(str(kind), OUTPUTS)
        raise UsageError("no such output_type", found=repr(kind), fix=close or ", ".join(OUTPUTS), at=at)
    _refuse(values, at)
    shared: dict[str, Any] = {
        name: values.get(name)
        for name in ("process_docs", "doc_to_text", "doc_to_choice", "doc_to_target", "gen_prefix")
    }
    delimiters: dict[str, Any] = {
        "fewshot_delimiter": _text(values, "fewshot_delimiter", "\n\n"),
        "target_delimiter": _text(values, "target_delimiter", " "),
    }
    own = values.get("fewshot_config") or {}
    form = FewshotForm(
        **{
            "split": values.get("fewshot_split"),
            **shared,
            **delimiters,
            **{key: value for key, value in own.items() if key != "fewshot_indices"},
        }
    )
    metadata = values.get("metadata")
    return Config(
        task=str(values["task"]),
        output_type=kind,
        dataset_path=values.get("dataset_path"),
        dataset_name=_name(values.get("dataset_name")),
        training_split=values.get("training_split"),
        validation_split=values.get("validation_split"),
        test_split=values.get("test_split"),
        doc_to_image=values.get("doc_to_image"),
        description=values.get("description", ""),
        num_fewshot=int(values.get("num_fewshot") or 0),
        fewshot=form,
        metric_list=values.get("metric_list"),
        process_results=values.get("process_results"),
        filter_list=values.get("filter_list"),
        generation=_generation(values, delimiters["fewshot_delimiter"]),
        repeats=int(values.get("repeats") or 1),
        version=str(metadata.get("version", "–")) if isinstance(metadata, dict) else "–",
        raw=values,
        **shared,
        **delimiters,
    )


def _refuse(values: Mapping[str, Any], at: str) -> None:
    if values.get("doc_to_audio") is not None:
        raise UsageError("the task plays sounds, which no model here can hear", found="doc_to_audio", at=at)
    if values.get("use_prompt") is not None:
        raise UsageError("the task takes its prompt from promptsource", found="use_prompt", at=at)


def _text(values: Mapping[str, Any], name: str, default: str) -> str:
    found = values.get(name, default)
    return default if found is None else str(found)


def _name(value: Any) -> str | None:
    return None if value is None else str(value)


def _generation(values: Mapping[str, Any], delimiter: str) -> dict[str, Any]:
    """What generation is told: a blank line ends it where the task says nothing at all."""
    given = values.get("generation_kwargs")
    if given is None:
        return {"temperature": 0.0, "do_sample": False, "max_gen_toks": DEFAULT_TOKENS, "until": [delimiter]}
    found = dict(given)
    until = found.get("until", [delimiter])
    found["until"] = [until] if isinstance(until, str) else [str(one) for one in until or []]
    return found
