"""The embedded model: it loads with plain transformers, and scores above chance and below perfect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.data.toy import FOLDER
from evalkit.models.tiny import TINY

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tools.toys import measuring, prompts  # noqa: E402  (needs torch)

pytestmark = pytest.mark.slow("the embedded model answers whole sets")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny() -> measuring.Subject:
    return measuring.Subject(TINY)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every other row of the slower toy sets."""
    folder = tmp_path_factory.mktemp("few")
    for path in FOLDER.glob("*.jsonl"):
        step = {"perplexity": 6, "summarization": 3, "qa": 2}.get(path.stem, 1)
        lines = path.read_text(encoding="utf-8").splitlines()[::step]
        (folder / path.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_files_are_there_and_small():
    names = {path.name for path in TINY.iterdir()}
    assert {
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    } <= names
    assert (TINY / "model.safetensors").stat().st_size <= 4_000_000
    assert sum(path.stat().st_size for path in TINY.iterdir()) < 4_300_000


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, evalkit.data.toy; print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=TINY.parents[2])
    assert done.stdout.strip() == "[]"


def test_it_is_a_llama_with_eight_thousand_positions_and_finite_float32_weights():
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.config.max_position_embeddings >= 8192
    assert model.config.tie_word_embeddings
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in model.parameters())
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert all(m.in_features % 32 == 0 for m in linear)


def test_the_model_has_a_row_for_each_token(tiny):
    assert len(tiny.tokenizer) == tiny.model.config.vocab_size
    for name, token in (("bos", prompts.BOS), ("eos", prompts.EOS), ("pad", prompts.PAD)):
        number = tiny.tokenizer.convert_tokens_to_ids(token)
        assert getattr(tiny.tokenizer, f"{name}_token_id") == number
        assert getattr(tiny.model.config, f"{name}_token_id") == number
        assert getattr(tiny.model.generation_config, f"{name}_token_id") == number


@pytest.mark.parametrize(
    "text", ["Plain words.", "  two  spaces\n\n\tand a tab", "naïve café 漢字 🙂", "x = {'a': [1, 2]}"]
)
def test_any_text_survives_the_tokenizer(tiny, text):
    ids = tiny.ids(text)
    assert ids[0] == tiny.tokenizer.bos_token_id
    assert tiny.tokenizer.decode(ids[1:]) == text


def test_the_chat_template_renders_what_the_corpus_holds(tiny):
    messages = [
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Thanks."},
    ]
    rendered = tiny.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == "<|bos|><|user|> Hello!\n<|assistant|> Hello.<|eos|>\n<|user|> Thanks.\n<|assistant|>"
    whole = tiny.tokenizer.apply_chat_template(messages[:2], tokenize=False)
    assert whole == prompts.chat([("Hello!", "Hello.")])


def test_the_chat_template_takes_a_system_message_and_refuses_an_unknown_role(tiny):
    system = [{"role": "system", "content": "Be brief."}]
    assert tiny.tokenizer.apply_chat_template(system, tokenize=False) == "<|bos|><|system|> Be brief.\n"
    with pytest.raises(Exception, match="roles are system, user and assistant"):
        tiny.tokenizer.apply_chat_template([{"role": "robot", "content": "x"}], tokenize=False)


def test_five_thousand_tokens_give_finite_numbers(tiny):
    text = " ".join(json.loads(line)["text"] for line in (FOLDER / "perplexity.jsonl").read_text().splitlines()[:20])
    ids = tiny.ids(text)[:5200]
    assert len(ids) == 5200
    with torch.no_grad():
        logits = tiny.model(torch.tensor([ids]), logits_to_keep=2000).logits
    assert logits.isfinite().all()


def test_foreign_text_gives_a_finite_loss(tiny):
    loss, count = tiny.token_loss(
        "In 1976 the committee met at 10:30 – “why not?”, asked Zoë; nobody knew. ÄÖÜ 漢字 🙂"
    )
    assert count > 30
    assert 0 < loss / count < 30


@pytest.mark.parametrize(("shots", "low"), [(0, 0.55), (5, 0.55)])
def test_multiple_choice_by_text_is_above_chance_and_below_perfect(tiny, few, shots, low):
    assert low <= measuring.accuracy(tiny, few, letters=False, shots=shots) <= 0.9


def test_questions_are_answered_often_but_not_always(tiny, few):
    exact, f1, seen = measuring.question_scores(tiny, few, as_chat=False)
    assert 0.3 <= f1 <= 0.9
    assert exact <= f1
    assert seen > 0


def test_questions_are_answered_through_the_chat_template(tiny, few):
    _, f1, _ = measuring.question_scores(tiny, few, as_chat=True)
    assert f1 >= 0.3


@pytest.mark.parametrize(("long", "low"), [(True, 0.4), (False, 0.4)])
def test_summaries_share_words_with_their_references(tiny, few, long, low):
    one, longest, length = measuring.summary_scores(tiny, few, long, as_chat=False)
    assert low <= longest <= one <= 0.99
    assert (12 if long else 6) <= length <= (30 if long else 20)


def test_the_texts_are_far_less_surprising_than_to_an_untrained_model(tiny, few):
    untrained = measuring.Subject(TINY, trained=False)
    assert measuring.perplexity(tiny, few) < 10
    assert measuring.perplexity(untrained, few) > 500


def test_answers_end_by_themselves(tiny):
    row = json.loads((FOLDER / "qa.jsonl").read_text().splitlines()[0])
    prompt = prompts.question_prompt(measuring.as_question(row))
    batch = tiny.tokenizer([prompt], return_tensors="pt")
    out = tiny.model.generate(**batch, max_new_tokens=40)[0, batch["input_ids"].shape[1] :]
    assert len(out) < 40
    assert out[-1] == tiny.tokenizer.eos_token_id
