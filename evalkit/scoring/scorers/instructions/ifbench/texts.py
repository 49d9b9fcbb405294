"""What the constraints share: words without punctuation, tokens, and the resources that some of them need."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from evalkit.scoring.scorers.instructions.sentences import Splitter

PUNCTUATION = string.punctuation
_WITHOUT = str.maketrans("", "", PUNCTUATION)


def bare(text: str) -> str:
    """The text without ASCII punctuation."""
    return text.translate(_WITHOUT)


def stripped(word: str) -> str:
    """The word without ASCII punctuation and blanks at its ends."""
    return word.strip(PUNCTUATION + " ")


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores."""
    return re.findall(r"\w+", text)


@dataclass(frozen=True, slots=True)
class Tokens:
    """NLTK's word tokens of a text, sentence by sentence."""

    split: Splitter

    def of(self, text: str) -> list[str]:
        tokenize = _tokenizer()
        return [token for sentence in self.split(text) for token in tokenize(sentence)]


@cache
def _tokenizer():  # type: ignore[no-untyped-def]
    from nltk.tokenize.destructive import NLTKWordTokenizer

    return NLTKWordTokenizer().tokenize


NEEDS = {
    "words:odd_even_syllables": "syllapy",
    "format:emoji": "emoji",
    "words:start_verb": "averaged_perceptron_tagger_eng",
    "ratio:stop_words": "stopwords",
}
"""The constraints that rest on a package, or on one of NLTK's resources, that evalkit does not bring."""
_NLTK = {"averaged_perceptron_tagger_eng": "taggers", "stopwords": "corpora"}


@cache
def is_there(resource: str) -> bool:
    """Whether a package, or a resource of NLTK's, is installed."""
    if resource not in _NLTK:
        return find_spec(resource) is not None
    from nltk.data import find

    # A resource may lie there unpacked or as it was fetched.
    for ending in ("", ".zip"):
        try:
            find(f"{_NLTK[resource]}/{resource}{ending}")
        except (LookupError, OSError):
            continue
        return True
    return False


def how_to_get(resources: list[str]) -> str:
    """The commands that install what is missing."""
    packages = [name for name in resources if name not in _NLTK]
    data = [name for name in resources if name in _NLTK]
    commands = [f"pip install {' '.join(packages)}"] if packages else []
    commands += [f"python -m nltk.downloader {' '.join(data)}"] if data else []
    return "; ".join(commands)


def needed(resource: str) -> None:
    """Raises ValueError where the resource is not installed: nobody can say whether the constraint is followed."""
    if not is_there(resource):
        raise ValueError(f"{resource} is not installed: {how_to_get([resource])}")


def unchecked() -> frozenset[str]:
    """The constraints whose package or resource is not installed."""
    return frozenset(name for name, resource in NEEDS.items() if not is_there(resource))
