"""Every constraint of IFBench by its id in the data set."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.scoring.scorers.instructions.arguments import Check
from evalkit.scoring.scorers.instructions.ifbench import counting, layout, single, wording
from evalkit.scoring.scorers.instructions.ifbench.texts import Tokens
from evalkit.scoring.scorers.instructions.sentences import Splitter


def checks(split: Splitter) -> Mapping[str, Check]:
    """The 58 checks."""
    tokens = Tokens(split)
    return {**_counting(split, tokens), **_wording(split, tokens), **_layout(split, tokens), **_single(split)}


def _counting(split: Splitter, tokens: Tokens) -> Mapping[str, Check]:
    return {
        "count:conjunctions": counting.conjunctions,
        "count:keywords_multiple": counting.keywords_multiple,
        "count:numbers": counting.numbers,
        "count:person_names": counting.person_names,
        "count:pronouns": counting.pronouns(tokens),
        "count:punctuation": counting.punctuation,
        "count:unique_word_count": counting.unique_words,
        "count:word_count_range": counting.word_count_range,
        "count:words_japanese": counting.words_japanese,
        "ratio:overlap": counting.overlap,
        "ratio:sentence_balance": counting.sentence_balance(split),
        "ratio:sentence_type": counting.sentence_type(split),
        "ratio:sentence_words": counting.same_length(split),
        "ratio:stop_words": counting.stop_words,
    }


def _wording(split: Splitter, tokens: Tokens) -> Mapping[str, Check]:
    return {
        "sentence:alliteration_increment": wording.alliteration_increment(split),
        "sentence:increment": wording.sentence_increment(split),
        "sentence:keyword": wording.sentence_keyword(split),
        "words:alphabet": wording.alphabet,
        "words:consonants": wording.consonants,
        "words:keywords_specific_position": wording.specific_position(split, tokens),
        "words:last_first": wording.last_first(split),
        "words:no_consecutive": wording.no_consecutive,
        "words:odd_even_syllables": wording.odd_even_syllables,
        "words:palindrome": wording.palindrome,
        "words:paragraph_last_first": wording.paragraph_last_first,
        "words:prime_lengths": wording.prime_lengths,
        "words:repeats": wording.repeats,
        "words:start_verb": wording.start_verb(tokens),
        "words:vowel": wording.vowel,
        "words:words_position": wording.second_and_second_last(tokens),
    }


def _layout(split: Splitter, tokens: Tokens) -> Mapping[str, Check]:
    return {
        "format:emoji": layout.emoji(split),
        "format:line_indent": layout.line_indent,
        "format:list": layout.marked_list,
        "format:newline": layout.newline,
        "format:no_bullets_bullets": layout.no_bullets_bullets(split),
        "format:no_whitespace": layout.no_whitespace,
        "format:options": layout.options,
        "format:output_template": layout.output_template,
        "format:parentheses": layout.parentheses,
        "format:quote_unquote": layout.quote_unquote,
        "format:quotes": layout.quotes,
        "format:sub-bullets": layout.sub_bullets,
        "format:thesis": layout.thesis,
        "format:title_case": layout.title_case(tokens),
        "repeat:repeat_change": layout.repeat_change,
        "repeat:repeat_simple": layout.repeat_simple,
        "repeat:repeat_span": layout.repeat_span,
    }


def _single(split: Splitter) -> Mapping[str, Check]:
    return {
        "custom:character_reverse": single.character_reverse,
        "custom:csv_city": single.csv_city,
        "custom:csv_quotes": single.csv_quotes,
        "custom:csv_special_character": single.csv_special_character,
        "custom:date_format_list": single.date_format_list,
        "custom:european_capitals_sort": single.european_capitals,
        "custom:mcq_count_length": single.questions,
        "custom:multiples": single.multiples,
        "custom:reverse_newline": single.reverse_newline,
        "custom:sentence_alphabet": single.sentence_alphabet(split),
        "custom:word_reverse": single.word_reverse(split),
    }
