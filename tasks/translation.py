"""Translation of any parallel text, or of WMT's test sets, by BLEU, chrF and TER of the corpus.

Metrics: https://aclanthology.org/W18-6319 (Post, 2018); the run's manifest has their signatures. Data are yours, or
`dataset=wmt/wmt16` on the hub, or a test set that sacrebleu has (`test_set=wmt14`), which evalkit reads from
sacrebleu's cache or lets it download. WMT's texts are free for research. One row of a table, in the hub's form or with
a column a language:

    {"translation": {"de": "Ein republikanischer Wahlkampfberater …", "en": "A Republican strategist …"}}
    {"de": "Guten Morgen.", "en": ["Good morning.", "Morning."]}

The prompt is lm-evaluation-harness's (`German phrase: …` and `English phrase:`), up to the end of a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import files as table
from evalkit.data import hub, parallel, sacrebleu_set
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import bleu, chrf, ter

META = {
    "name": "translation",
    "summary": "translation of parallel files or WMT sets, by BLEU, chrF and TER: pair=de-en and files=… or test_set=…",
    "tags": ["translation", "multilingual"],
}

LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "iu": "Inuktitut",
    "ja": "Japanese",
    "kk": "Kazakh",
    "km": "Khmer",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sl": "Slovenian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""As sacrebleu chooses them by the language translated into; 13a for all others."""


def task(
    *,
    pair: str = "",
    files: str = "",
    references: str = "",
    dataset: str = "",
    config: str = "",
    split: str = "test",
    test_set: str = "",
    tokenize: str = "",
    max_tokens: int = 256,
) -> Task:
    """Translation from the first to the second language of `pair`, such as de-en.

    `files` is a table (JSONL, JSON, CSV, Parquet), or a text whose lines are those of the text `references`. `dataset`
    is a data set on the hub with the `config` (by default the pair), `test_set` one of sacrebleu's. `tokenize` is the
    tokenizer of BLEU.
    """
    source, separator, target = pair.partition("-")
    if not (source and separator and target):
        raise UsageError("the languages are missing", found=f"pair={pair}", fix="translation,pair=de-en,…")
    names = [LANGUAGES.get(language, language) for language in (source, target)]
    return Task(
        name="translation",
        data=(Subset(_source(pair, files, references, dataset, config, split, test_set)),),
        sample=lambda row: _sample(row, source, target, names),
        prompt=PromptFormat(),
        method=generate(max_tokens=max_tokens, stop=("\n",)),
        scorers=(bleu(tokenize=_tokenizer(tokenize, target)), chrf(), ter()),
        primary_metric="bleu",
    )


def _tokenizer(named: str, language: str) -> Any:
    known = ("13a", "intl", "char", "zh", "none", "ja-mecab", "ko-mecab", "flores101", "flores200", "spBLEU-1K")
    if named and named not in known:
        raise UsageError("sacrebleu has no such tokenizer", found=f"tokenize={named}", fix="one of " + ", ".join(known))
    return named or TOKENIZERS.get(language, "13a")


def _sample(row: Row, source: str, target: str, names: list[str]) -> Sample:
    values: Mapping[str, Any] = row.values
    if isinstance(values.get("translation"), Mapping):
        values = values["translation"]
    if source not in values or target not in values:
        raise UsageError(
            f"the row holds no {source!r} and {target!r}",
            found=", ".join(map(str, values)),
            fix="pair=…",
            at=row.origin,
        )
    wanted = values[target] if isinstance(values[target], list) else [values[target]]
    asked = f"{names[0]} phrase: {values[source]}\n{names[1]} phrase:"
    return Sample(row.id, asked, targets=tuple(map(str, wanted)), data={"source": values[source]})


def _source(pair: str, files: str, references: str, dataset: str, config: str, split: str, test_set: str) -> Source:
    if sum(map(bool, (files, dataset, test_set))) != 1:
        given = [name for name, value in (("files", files), ("dataset", dataset), ("test_set", test_set)) if value]
        fix = f"translation,pair={pair},files=rows.jsonl, or dataset=wmt/wmt16, or test_set=wmt14"
        raise UsageError("translation needs one of files, dataset and test_set", found=", ".join(given), fix=fix)
    if references and not files:
        raise UsageError("references are the other half of files", found=f"references={references}", fix="files=…")
    if dataset:
        return hub(dataset, config=config or pair, split=split)
    if test_set:
        return sacrebleu_set(test_set, pair)
    return parallel(files, references, pair=pair) if references else table(files)
