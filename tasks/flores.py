"""FLORES+: sentences of news, travel guides and books in more than 200 languages, by spBLEU and chrF++.

Paper: https://arxiv.org/abs/2207.04672 (NLLB team, 2022), kept up by the Open Language Data Initiative. Data:
openlanguagedata/flores_plus, CC-BY-SA-4.0; its terms must be accepted on the hub first. Columns of a row (among
others):

    {"id": 0, "iso_639_3": "deu", "iso_15924": "Latn", "text": "Am Montag haben Wissenschaftler …", "topic": "health"}

Rows of two languages belong together by `id`. spBLEU is BLEU over FLORES-200's pieces, which sacrebleu fetches once;
chrF++ has words of two. The prompt is lm-evaluation-harness's for translation, up to the end of a line.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task, UsageError
from evalkit.data import hub, paired
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import bleu, chrf

META = {
    "name": "flores",
    "summary": "translation of FLORES+ by spBLEU and chrF++; pair=eng_Latn-deu_Latn",
    "tags": ["translation", "multilingual", "unverified"],
}

# Names of languages in the prompt, by ISO 639-3; others are called by their code.
_NAMES = {
    "arb": "Arabic",
    "ben": "Bengali",
    "bul": "Bulgarian",
    "ces": "Czech",
    "cmn": "Chinese",
    "dan": "Danish",
    "deu": "German",
    "ell": "Greek",
    "eng": "English",
    "est": "Estonian",
    "fin": "Finnish",
    "fra": "French",
    "heb": "Hebrew",
    "hin": "Hindi",
    "hrv": "Croatian",
    "hun": "Hungarian",
    "ind": "Indonesian",
    "ita": "Italian",
    "jpn": "Japanese",
    "kor": "Korean",
    "lit": "Lithuanian",
    "lvs": "Latvian",
    "nld": "Dutch",
    "nob": "Norwegian",
    "pol": "Polish",
    "por": "Portuguese",
    "ron": "Romanian",
    "rus": "Russian",
    "slk": "Slovak",
    "slv": "Slovenian",
    "spa": "Spanish",
    "swe": "Swedish",
    "swh": "Swahili",
    "tam": "Tamil",
    "tha": "Thai",
    "tur": "Turkish",
    "ukr": "Ukrainian",
    "urd": "Urdu",
    "vie": "Vietnamese",
    "yor": "Yoruba",
}


def task(
    *,
    pair: str = "eng_Latn-deu_Latn",
    split: Literal["devtest", "dev"] = "devtest",
    tokenize: Literal["flores200", "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char"] = "flores200",
    max_tokens: int = 512,
) -> Task:
    """Translation from the first to the second language of `pair`, by the codes of FLORES+. `tokenize` is BLEU's
    tokenizer: spBLEU's by default."""
    source, separator, target = pair.partition("-")
    if not (source and separator and target):
        raise UsageError("the languages are missing", found=f"pair={pair}", fix="flores,pair=eng_Latn-deu_Latn")
    name = "openlanguagedata/flores_plus"
    texts = {key: hub(name, config=code, split=split) for key, code in (("source", source), ("target", target))}
    said = [_NAMES.get(code.partition("_")[0], code) for code in (source, target)]
    return Task(
        name="flores",
        data=(Subset(paired(texts, on="id", column="text"), groups=(pair,)),),
        sample=lambda row: _sample(row, *said),
        prompt=PromptFormat(),
        method=generate(max_tokens=max_tokens, stop=("\n",)),
        scorers=(bleu(tokenize=tokenize), chrf(words=2)),
        primary_metric="chrf",
    )


def _sample(row: Row, source: str, target: str) -> Sample:
    values = row.values
    topic = values.get("topic")
    return Sample(
        str(values["id"]),
        f"{source} phrase: {values['source']}\n{target} phrase:",
        targets=(values["target"],),
        groups=(str(topic),) if topic else (),
        data={"source": values["source"]},
    )
