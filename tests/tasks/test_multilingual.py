"""Benchmarks in many languages: prompts of lm-evaluation-harness, what simple-evals reads, and rows that are joined."""

import asyncio

import pytest

from evalkit.core import Reply, UsageError
from tests.tasks.harness import definition
from tests.tasks.pack_rows import LETTERED, LOCAL, PACK, PASSAGES, SENTENCES


@pytest.mark.parametrize(
    ("spec", "files", "rows", "path"),
    [
        (
            "global_mmlu_lite,language=de",
            "CohereLabs/Global-MMLU-Lite/de",
            LETTERED,
            "global_mmlu/default/de",
        ),
        (
            "include,language=German",
            "CohereLabs/include-base-44/German",
            LOCAL,
            "include/default/German",
        ),
        ("belebele", "facebook/belebele/eng_Latn", PASSAGES, "belebele"),
    ],
)
def test_prompts_by_likelihood_are_those_of_lm_eval(over, lm_eval_tasks, spec, files, rows, path):
    loaded = over(spec, {f"{files}/{split}": rows for split in ("test", "dev", "validation")})
    [template] = lm_eval_tasks.glob(f"{path}/*template*")
    oracle = definition(template)
    for row, sample, prompt in zip(rows, loaded.samples(), loaded.prompts(), strict=True):
        assert prompt == oracle.read("doc_to_text", row)
        wanted = oracle.read("doc_to_target", row)
        assert sample.targets == (wanted if isinstance(wanted, str) and wanted in "ABCD" else "ABCD"[int(wanted)],)


@pytest.mark.parametrize("spec", ["global_mmlu_lite,language=de", "include,language=German", "belebele"])
def test_gold_letters_score_one_by_likelihood(over, spec):
    chat = next(key for key in PACK if key.startswith(spec.partition(",")[0]))
    assert over(spec, PACK[chat]).problems() == []


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ("Antwort: B", "B"),
        ("**Answer:** $\\boxed{C}$", "C"),
        ("答案：Ｄ", "D"),
        ("الإجابة الصحيحة هي: ج", "C"),
        ("উত্তর: ঢ", "D"),
        ("Àṣàyàn: a", "a"),
        ("Vastaus: B", None),
    ],
)
def test_the_letter_follows_a_word_for_answer_in_many_languages(over, said, letter):
    """Read by simple-evals' patterns at ee3b0318d8d1d9d72755a4120879be65f7c07e9e, which are the oracle."""
    loaded = over("mmmlu,language=DE_DE", PACK["mmmlu,language=DE_DE"])
    scores = [asyncio.run(s.score(loaded.samples()[1], (Reply((said,), ("stop",)),)))[0] for s in loaded.task.scorers]
    assert scores[1].answer == letter
    assert scores[1].value == float(letter == "B")


def test_a_sentence_is_paired_with_its_translation_by_the_number(over):
    files = {f"openlanguagedata/flores_plus/{code}/devtest": rows for code, rows in SENTENCES.items()}
    files["openlanguagedata/flores_plus/deu_Latn/devtest"] = SENTENCES["deu_Latn"][::-1]
    samples = over("flores,tokenize=13a", files).samples()
    assert [sample.targets for sample in samples[:2]] == [("Haus 0 and so on.",), ("Haus 1 and so on.",)]
    assert samples[0].input == "English phrase: House 0 and so on.\nGerman phrase:"


def test_a_sentence_without_a_translation_is_told(over):
    files = {f"openlanguagedata/flores_plus/{code}/devtest": rows for code, rows in SENTENCES.items()}
    files["openlanguagedata/flores_plus/deu_Latn/devtest"] = SENTENCES["deu_Latn"][1:]
    with pytest.raises(UsageError, match="no row of 'target' has the id '0'"):
        over("flores,tokenize=13a", files).samples()


def test_questions_on_one_passage_are_a_cluster(over):
    samples = over("belebele", {"facebook/belebele/eng_Latn/test": PASSAGES}).samples()
    assert len({sample.cluster for sample in samples}) == 2
