"""Small random-weight models of several families, and a tokenizer trained here: no download."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CORPUS = [
    "The quick brown fox jumps over the lazy dog while seven wizards judge my vow.",
    "Question: Which planet is the largest?\nAnswer: Jupiter is the largest planet.",
    "In the beginning there was a small town, and in the town there lived a man who sold apples.",
    "She sells sea shells by the sea shore; the shells she sells are surely sea shells.",
    "naïve café, Straße, 東京, и всё такое, πάντα ῥεῖ, emoji 🙂🚀",
    "A. red\nB. green\nC. blue\nD. yellow\nAnswer: C",
]
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
VOCABULARY = 400


_GROUPED = {"num_key_value_heads": 2}
_OLD_NAMES = {"n_embd": 32, "n_layer": 2, "n_head": 4}
_MIXED = ("sliding_attention", "full_attention")
_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "gpt2": ("GPT2Config", _OLD_NAMES),
    "qwen2": ("Qwen2Config", _GROUPED),
    "gemma": ("GemmaConfig", {**_GROUPED, "head_dim": 8}),
    # Its logits are capped behind the output layer.
    "gemma2": ("Gemma2Config", {**_GROUPED, "head_dim": 8, "sliding_window": 8, "final_logit_softcapping": 1.0}),
    # Theirs are divided and multiplied there.
    "granite": ("GraniteConfig", {**_GROUPED, "logits_scaling": 4.0}),
    "cohere": ("CohereConfig", {**_GROUPED, "logit_scale": 0.0625}),
    # Its window is shorter than the texts.
    "mistral": ("MistralConfig", {**_GROUPED, "sliding_window": 8}),
    "gemma3": ("Gemma3TextConfig", {**_GROUPED, "head_dim": 8, "sliding_window": 8, "layer_types": list(_MIXED)}),
    "qwen3": ("Qwen3Config", {**_GROUPED, "head_dim": 8}),
    "mixtral": ("MixtralConfig", {**_GROUPED, "num_local_experts": 4}),
    "mamba": ("MambaConfig", {}),
    "gpt_neox": ("GPTNeoXConfig", {}),
    "phi": ("PhiConfig", _GROUPED),
    "opt": ("OPTConfig", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "bloom": ("BloomConfig", {"n_layer": 2, "n_head": 4}),
    "t5": ("T5Config", {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "decoder_start_token_id": 2}),
}


def _config(family: str, max_length: int) -> Any:
    """A two-layer model of hidden size 32; bloom's has no maximum length."""
    import transformers

    name, extra = _CONFIGS[family]
    values: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    if family in ("gpt2", "t5"):
        values["n_positions"] = max_length
    elif family == "bloom":
        values["hidden_size"] = 32
    else:
        values["max_position_embeddings"] = max_length
        values |= {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 48}
    if family not in ("gpt2", "bloom", "mamba"):
        values |= {"num_heads" if family == "t5" else "num_attention_heads": 4}
    return getattr(transformers, name)(**{**values, **extra})


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A byte-level BPE of 400 tokens that puts <s> before a text."""
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS * 4, trainer)
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="<pad>", clean_up_tokenization_spaces=False
    )


@pytest.fixture(scope="session")
def make_model(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """make_model("llama", max_length=64, template=False) is the folder of a random model, made once a session."""
    torch = pytest.importorskip("torch")
    import transformers as t

    # Matrices this small are computed faster by one thread.
    torch.set_num_threads(1)

    made: dict[tuple[str, int, bool], Path] = {}

    def make(family: str, *, max_length: int = 64, template: bool = False) -> Path:
        key = (family, max_length, template)
        if key not in made:
            folder = tmp_path_factory.mktemp(f"{family}-{max_length}")
            torch.manual_seed(7)
            config = _config(family, max_length)
            auto = t.AutoModelForSeq2SeqLM if family == "t5" else t.AutoModelForCausalLM
            model = auto.from_config(config)
            # Wider than the usual initialisation, so that log-probabilities differ and argmax has margins.
            with torch.no_grad():
                for name, weight in model.named_parameters():
                    if weight.dim() > 1:
                        weight.normal_(0, 0.3)
                    elif "bias" in name:
                        weight.normal_(0, 0.1)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            if family == "t5":
                _append_eos(folder)
            if template:
                (folder / "chat_template.jinja").write_text(TEMPLATE)
            made[key] = folder
        return made[key]

    return make


def _append_eos(folder: Path) -> None:
    """Make the saved tokenizer put </s> behind a text, as T5's does, and nothing before it."""
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    content["post_processor"]["single"] = [
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "</s>", "type_id": 0}},
    ]
    content["post_processor"]["special_tokens"] = {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}
    file.write_text(json.dumps(content), "utf-8")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep digests that tests compute out of the user's cache."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that an earlier test changed serve no later one, though some model was left open that may want them."""
    if (module := sys.modules.get("evalkit.models.hf.loading.weight_cache")) is not None:
        monkeypatch.setattr(module, "_shelves", {})
