"""The byte-level BPE tokenizer of the embedded model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tools.toys import prompts
from tools.toys.corpus import documents, text_of

VOCABULARY = 1664
MAX_LENGTH = 8192
TRAINING_DOCUMENTS = 6000


def train_tokenizer(seed: int) -> Tokenizer:
    """Learn the merges from the beginning of a corpus; any other byte still has a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(prompts.SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = (text_of(document) for document in islice(documents(seed, early=0), TRAINING_DOCUMENTS))
    tokenizer.train_from_iterator(texts, trainer)
    bos = (prompts.BOS, tokenizer.token_to_id(prompts.BOS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{prompts.BOS} $A", pair=f"{prompts.BOS} $A $B", special_tokens=[bos]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files that `AutoTokenizer.from_pretrained` reads, the chat template among them."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=prompts.BOS,
        eos_token=prompts.EOS,
        pad_token=prompts.PAD,
        model_max_length=MAX_LENGTH,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        extra_special_tokens=[prompts.SYSTEM, prompts.USER, prompts.ASSISTANT],
    )
    wrapped.chat_template = prompts.CHAT_TEMPLATE
    wrapped.save_pretrained(folder)
