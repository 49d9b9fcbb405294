"""Small closed lists of English that the lexical detector goes by: negation, direction, quantity, units, months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.judging.rag.segments.sentence_ends import word_list
from evalkit.judging.rag.support.wording import Token, stem

NEGATORS = frozenset(
    word_list(
        "not no never none neither nor nobody nothing nowhere without cannot hardly scarcely unable n't isn't "
        "aren't wasn't "
        "weren't don't doesn't didn't hasn't haven't hadn't can't won't wouldn't couldn't shouldn't mustn't"
    )
)
# Verbs and adjectives that deny what follows them.
_DENYING = frozenset(
    map(stem, word_list("fail failed fails refuse refused refuses lack lacks lacked forbid forbidden forbade "
    "prohibit prohibited "
        "ban banned deny denied denies prevent prevented false untrue impossible absent"))
)  # fmt: skip

MONTHS = frozenset(
    word_list(
        "january february march april may june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday"
    )
)

_PAIRS: Mapping[str, tuple[str, str]] = {
    "amount": (
        "rise increase grow climb up more higher gain expand swell double soar surge raise strengthen",
        "fall decrease drop shrink down less fewer lower lose decline reduce halve plunge diminish weaken sink",
    ),
    "price": ("expensive dear costly", "cheap inexpensive cheaper"),
    "time": ("before earlier early prior", "after later late afterwards"),
    "size": ("large larger largest big bigger biggest tall taller great greatest",
            "small smaller smallest little tiny"),
    "age": ("old older oldest ancient", "new newer newest young younger youngest modern"),
    "order": ("first initial", "last final"),
    "warmth": ("hot warm warmer hotter", "cold cool cooler colder"),
    "length": ("long longer longest", "short shorter shortest brief"),
    "speed": ("fast faster quick quickly rapid rapidly", "slow slower slowly gradual gradually"),
    "strength": ("strong stronger", "weak weaker"),
    "outcome": ("win victory succeed success", "defeat failure lose"),
    "opening": ("open opened opens", "close closed closes shut"),
    "consent": ("accept accepted approve approved support supported allow allowed permit permitted favour "
                "praise praised",
                "reject rejected oppose opposed disapprove forbid forbidden ban banned criticise criticised criticize"),
    "addition": ("add added include included", "remove removed exclude excluded"),
    "north": ("north northern", "south southern"),
    "east": ("east eastern", "west western"),
    "side": ("left", "right"),
    "height": ("above upper top", "below lower bottom beneath"),
    "good": ("good better best improve improved", "bad worse worst worsen worsened"),
    "truth": ("true correct", "false incorrect wrong untrue"),
    "gender": ("male man boy father son husband brother", "female woman girl mother daughter wife sister"),
}  # fmt: skip


def _signs() -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for axis, (plus, minus) in _PAIRS.items():
        for words, sign in ((plus, 1), (minus, -1)):
            for word in words.split():
                for form in {word, stem(word)}:
                    if (axis, sign) not in found.get(form, ()):
                        found[form] = (*found.get(form, ()), (axis, sign))
    return found


_SIGNS = _signs()

# How much of a whole a word claims, 0 (nothing) to 5 (all of it).
_QUANTITY: Mapping[str, int] = {
    "few": 1, "rarely": 1, "seldom": 1, "occasionally": 1, "some": 2, "several": 2, "sometimes": 2, "partly": 2,
    "many": 3, "often": 3, "frequently": 3, "most": 4, "mostly": 4, "usually": 4, "mainly": 4, "generally": 4,
    "all": 5, "every": 5, "always": 5, "each": 5, "everyone": 5, "everybody": 5, "entirely": 5, "only": 5, "solely": 5,
}  # fmt: skip
_HEDGES = frozenset(
    word_list(
        "perhaps possibly probably might could likely reportedly allegedly apparently maybe suggest suggests believed "
        "thought claimed claim claims seems seemed appear appears"
    )
)

_UNITS: Mapping[str, tuple[str, float]] = {
    name: (dimension, factor)
    for dimension, factor, names in (
        ("length", 1.0, "m metre metres meter meters"),
        ("length", 1000.0, "km kilometre kilometres kilometer kilometers"),
        ("length", 0.01, "cm centimetre centimetres centimeter centimeters"),
        ("length", 0.001, "mm millimetre millimetres millimeter millimeters"),
        ("length", 1609.344, "mi mile miles"),
        ("length", 1852.0, "nautical-miles nautical-mile nmi"),
        ("length", 0.3048, "ft foot feet"),
        ("length", 0.0254, "inch inches"),
        ("length", 0.9144, "yard yards"),
        ("area", 1e4, "hectare hectares ha"),
        ("area", 1e6, "square-kilometres square-kilometers square-kilometre km²"),
        ("area", 2589988.11, "square-miles square-mile"),
        ("area", 4046.856, "acre acres"),
        ("area", 1.0, "square-metres square-meters"),
        ("volume", 1.0, "l litre litres liter liters"),
        ("volume", 0.001, "ml millilitre millilitres milliliter milliliters"),
        ("volume", 3.785412, "gallon gallons"),
        ("mass", 1.0, "kg kilogram kilograms kilo kilos"),
        ("mass", 0.001, "g gram grams"),
        ("mass", 1e-6, "mg milligram milligrams"),
        ("mass", 1000.0, "t tonne tonnes ton tons"),
        ("mass", 0.453592, "lb pound pounds"),
        ("time", 1.0, "second seconds"),
        ("time", 60.0, "minute minutes"),
        ("time", 3600.0, "hour hours"),
        ("time", 86400.0, "day days"),
        ("time", 604800.0, "week weeks"),
        ("time", 2629800.0, "month months"),
        ("time", 31557600.0, "year years"),
        ("proportion", 0.01, "% percent"),
        ("dollar", 1.0, "dollar dollars $"),
        ("euro", 1.0, "euro euros €"),
        ("crown", 1.0, "crown crowns"),
        ("franc", 1.0, "franc francs"),
        ("celsius", 1.0, "celsius"),
        ("fahrenheit", 1.0, "fahrenheit"),
    )
    for name in names.split()
}


def negated(tokens: Sequence[Token]) -> bool:
    """Whether a clause denies: an odd number of words that do. "Not until" only says when."""
    if any(token.low == "until" for token in tokens):
        return False
    return (
        sum(token.low in NEGATORS or token.low.endswith("n't") or token.stem in _DENYING for token in tokens) % 2 == 1
    )


def directions(tokens: Sequence[Token]) -> dict[str, set[int]]:
    """The axes on which a text takes a side, and which (+1, -1, both). "fewer" is less; "not fewer" is not read."""
    found: dict[str, set[int]] = {}
    for token in tokens:
        for axis, sign in _SIGNS.get(token.low) or _SIGNS.get(token.stem, ()):
            found.setdefault(axis, set()).add(sign)
    return found


def quantity(tokens: Sequence[Token]) -> int | None:
    """The widest share that a text claims, 1 ("few") to 5 ("all"); None where it claims none. "a few" is "some"."""
    found = []
    for before, token in zip((None, *tokens), tokens, strict=False):
        level = _QUANTITY.get(token.low)
        if level is not None:
            found.append(2 if level == 1 and before is not None and before.low == "a" else level)
    return max(found) if found else None


def hedged(tokens: Sequence[Token]) -> bool:
    """Whether a text says that it is not certain."""
    return any(token.low in _HEDGES for token in tokens)


def unit_at(tokens: Sequence[Token], place: int) -> tuple[str, float] | None:
    """(dimension, factor to its base) of the unit that follows the number at `place`, or of the sign before it."""
    after = [token.low for token in tokens[place + 1 : place + 3]]
    if len(after) == 2 and f"{after[0]}-{after[1]}" in _UNITS:
        return _UNITS[f"{after[0]}-{after[1]}"]
    if after and after[0] in _UNITS:
        return _UNITS[after[0]]
    return _UNITS.get(tokens[place - 1].low) if place and tokens[place - 1].low in "€$£" else None
