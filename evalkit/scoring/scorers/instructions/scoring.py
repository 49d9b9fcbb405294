"""IFEval's scores: strict and loose, by prompt and by instruction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.core.distribution import pip_install
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics.means import mean
from evalkit.scoring.metrics.ratios import ratio
from evalkit.scoring.scorers.instructions import layout, wording
from evalkit.scoring.scorers.instructions.arguments import Arguments, Check
from evalkit.scoring.scorers.instructions.ifbench.table import checks as ifbench_checks
from evalkit.scoring.scorers.instructions.ifbench.texts import NEEDS, how_to_get, is_there
from evalkit.scoring.scorers.instructions.sentences import Splitter, installed, splitter

_SCORES = ("prompt_level_strict_acc", "prompt_level_loose_acc", "strict_followed", "loose_followed", "instructions")


def checks(split: Splitter) -> Mapping[str, Check]:
    """The check of every instruction, by its id in the data set."""
    return {
        "change_case:capital_word_frequency": wording.capital_words(split),
        "change_case:english_capital": wording.in_english(str.isupper),
        "change_case:english_lowercase": wording.in_english(str.islower),
        "combination:repeat_prompt": layout.repeat_prompt,
        "combination:two_responses": layout.two_responses,
        "detectable_content:number_placeholders": layout.placeholders,
        "detectable_content:postscript": layout.postscript,
        "detectable_format:constrained_response": layout.constrained_response,
        "detectable_format:json_format": layout.json_format,
        "detectable_format:multiple_sections": layout.sections,
        "detectable_format:number_bullet_lists": layout.bullets,
        "detectable_format:number_highlighted_sections": layout.highlights,
        "detectable_format:title": layout.title,
        "keywords:existence": wording.keywords,
        "keywords:forbidden_words": wording.forbidden_words,
        "keywords:frequency": wording.keyword_frequency,
        "keywords:letter_frequency": wording.letter_frequency,
        "language:response_language": wording.response_language,
        "length_constraints:nth_paragraph_first_word": layout.paragraph_first_word,
        "length_constraints:number_paragraphs": layout.paragraphs,
        "length_constraints:number_sentences": layout.sentences(split),
        "length_constraints:number_words": layout.words,
        "punctuation:no_comma": wording.no_comma,
        "startend:end_checker": layout.end_phrase,
        "startend:quotation": layout.quotation,
    }


def relaxed(reply: str) -> list[str]:
    """The texts that the loose score tries: without the first line, the last, or both, each also without asterisks."""
    lines = reply.split("\n")
    cut = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    return [variant for text in (reply, *cut) for variant in (text, text.replace("*", ""))]


def followed(check: Check, texts: list[str], arguments: Arguments) -> bool:
    """Whether any of the texts that is not blank follows the instruction. Raises ValueError for bad arguments."""
    return any(check(text, arguments) for text in texts if text.strip())


@dataclass(frozen=True, slots=True)
class _Instructions(ScoreSample):
    table: Mapping[str, Check]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        wanted = sample.data.get("instructions")
        if not wanted:
            raise ValueError("the sample has no instructions")
        answer = final_answer(replies, strip="none")
        strict, loose = [], []
        for name, arguments in wanted:
            if name not in self.table:
                raise ValueError(f"no instruction named {name!r}")
            strict.append(followed(self.table[name], [answer.text], arguments))
            loose.append(strict[-1] or followed(self.table[name], relaxed(answer.text), arguments))
        missed = [name for (name, _), good in zip(wanted, strict, strict=True) if not good]
        reason = answer.reason or ("missed: " + ", ".join(missed) if missed else "")
        shown = answer.text or None
        values = (all(strict), all(loose), sum(strict), sum(loose), len(wanted))
        return tuple(
            Score(score_name, float(value), shown if index == 0 else None, reason, answer.validity)
            for index, (score_name, value) in enumerate(zip(_SCORES, values, strict=True))
        )


def instructions(
    *,
    sentences: Literal["auto", "punkt", "rules"] = "auto",
    of: Literal["ifeval", "ifbench"] = "ifeval",
    missing: Literal["refused", "left_out"] = "refused",
) -> Scorer:
    """Whether a reply follows the sample's verifiable instructions, by the definitions of IFEval or IFBench (`of`).

    The sample's data holds `instructions`: pairs of an instruction's id and its arguments. Scores and metrics:

    - `prompt_level_strict_acc`, `prompt_level_loose_acc`: whether all instructions of the prompt are followed.
    - `inst_level_strict_acc`, `inst_level_loose_acc` (metrics): followed instructions over all instructions.

    Loose tries the reply without its first or last line and without asterisks, too. `sentences` says where they end:
    "punkt" is NLTK's trained model, as in the official checker, "rules" its algorithm without training, "auto" takes
    punkt where it is installed; the signature says which it was.

    Four constraints of IFBench rest on packages or resources of NLTK's. A run without them is refused; with
    `missing="left_out"` it goes on, and their samples are measurement failures unless the task leaves them out.

    Sources: Zhou et al. 2023, https://arxiv.org/abs/2311.07911, as lm-evaluation-harness 0.4.13 has it; Pyatkin et al.
    2025, https://arxiv.org/abs/2507.02833. An empty reply follows nothing. A run raises UsageError where the extra
    `language` is not installed; scoring raises ValueError for unknown instructions.
    """
    kind: Literal["punkt", "rules"] = ("punkt" if installed() else "rules") if sentences == "auto" else sentences

    metrics = (
        mean("prompt_level_strict_acc"),
        ratio("strict_followed", "instructions", name="inst_level_strict_acc"),
        mean("prompt_level_loose_acc"),
        ratio("loose_followed", "instructions", name="inst_level_loose_acc"),
    )
    table = checks(splitter(kind)) if of == "ifeval" else ifbench_checks(splitter(kind))
    settings = {"sentences": kind} | ({} if of == "ifeval" else {"of": of, "missing": missing})
    scorer = Scorer("instructions", _Instructions(table), _SCORES, metrics, settings)
    if of == "ifbench":
        return replace(scorer, ready=lambda unsafe: scorer if missing == "left_out" else _with_resources(scorer))
    return replace(scorer, ready=lambda unsafe: _installed(scorer))


def _with_resources(scorer: Scorer) -> Scorer:
    absent = sorted({name for name in NEEDS.values() if not is_there(name)})
    if absent:
        constraints = ", ".join(name for name, resource in NEEDS.items() if resource in absent)
        raise UsageError(
            f"{constraints} cannot be checked here",
            found=f"not installed: {', '.join(absent)}",
            fix=f"{how_to_get(absent)}; or ifbench,missing=left_out",
        )
    return scorer


def _installed(scorer: Scorer) -> Scorer:
    if find_spec("langdetect") is None:
        raise UsageError("langdetect is not installed", fix=pip_install("language"))
    return scorer
