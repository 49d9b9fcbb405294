"""The functions behind the programming problems of the toy set, each with the docstring that a model gets to see."""

from __future__ import annotations

import math
from typing import Any


def count_steps(distance: int, stride: int) -> int:
    """How many steps of length stride cover the distance? The last one may go beyond.
    >>> count_steps(10, 3)
    4
    """
    return -(-distance // stride)


def longest_run(text: str) -> int:
    """The length of the longest stretch of one repeated character in the text, 0 for an empty one.
    >>> longest_run('aabbbc')
    3
    """
    best = length = 0
    for place, char in enumerate(text):
        length = length + 1 if place and char == text[place - 1] else 1
        best = max(best, length)
    return best


def rotate_left(items: list[Any], places: int) -> list[Any]:
    """The items moved to the left by so many places; those that fall off the front come back at the end.
    >>> rotate_left([1, 2, 3, 4], 1)
    [2, 3, 4, 1]
    """
    if not items:
        return []
    places %= len(items)
    return items[places:] + items[:places]


def initials(name: str) -> str:
    """The upper-case first letter of every word of the name, each with a full stop.
    >>> initials('Ada Lovelace')
    'A.L.'
    """
    return "".join(word[0].upper() + "." for word in name.split())


def middle(items: list[Any]) -> Any:
    """The item in the middle of a list; of two middle ones the first.
    >>> middle([1, 9, 4])
    9
    """
    return items[(len(items) - 1) // 2]


def only_once(numbers: list[int]) -> list[int]:
    """The numbers that occur exactly once, in the order in which they stand.
    >>> only_once([1, 2, 1, 3])
    [2, 3]
    """
    return [number for number in numbers if numbers.count(number) == 1]


def sum_of_odds(numbers: list[int]) -> int:
    """The sum of those numbers that are odd.
    >>> sum_of_odds([1, 2, 3])
    4
    """
    return sum(number for number in numbers if number % 2)


def caesar(text: str, shift: int) -> str:
    """Every letter from a to z moved on by shift places in the alphabet, from its end back to its start.
    Case is kept, and other characters stay as they are.
    >>> caesar('xyz', 3)
    'abc'
    """
    moved = ""
    for char in text:
        if "a" <= char.lower() <= "z":
            first = ord("a") if char.islower() else ord("A")
            moved += chr(first + (ord(char) - first + shift) % 26)
        else:
            moved += char
    return moved


def merge_sorted(left: list[int], right: list[int]) -> list[int]:
    """Two sorted lists as one sorted list.
    >>> merge_sorted([1, 4], [2, 3])
    [1, 2, 3, 4]
    """
    return sorted(left + right)


def to_roman(number: int) -> str:
    """A number from 1 to 3999 in Roman numerals.
    >>> to_roman(4)
    'IV'
    """
    signs = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")]
    signs += [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    written = ""
    for value, sign in signs:
        written += sign * (number // value)
        number %= value
    return written


def balanced(text: str) -> bool:
    """Is every round bracket of the text closed, and none before it was opened?
    >>> balanced('(())')
    True
    """
    depth = 0
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            return False
    return depth == 0


def digits_sum(number: int) -> int:
    """The sum of a whole number's decimal digits; the sign does not matter.
    >>> digits_sum(1234)
    10
    """
    return sum(int(digit) for digit in str(abs(number)))


def transpose(rows: list[list[int]]) -> list[list[int]]:
    """The columns of a table as rows.
    >>> transpose([[1, 2], [3, 4]])
    [[1, 3], [2, 4]]
    """
    return [list(column) for column in zip(*rows, strict=True)]


def common_letters(one: str, other: str) -> str:
    """The different letters that both words have, in the order of the alphabet.
    >>> common_letters('aab', 'ba')
    'ab'
    """
    return "".join(sorted(set(one) & set(other)))


def second_largest(numbers: list[int]) -> int | None:
    """The second largest of the different numbers, or None where there is none.
    >>> second_largest([5, 5, 4])
    4
    """
    different = sorted(set(numbers))
    return different[-2] if len(different) > 1 else None


def is_leap(year: int) -> bool:
    """Does the year have a 29th of February in the Gregorian calendar?
    >>> is_leap(1900)
    False
    """
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def run_lengths(text: str) -> list[tuple[str, int]]:
    """Every stretch of one repeated character as the character and how often it stands there.
    >>> run_lengths('aab')
    [('a', 2), ('b', 1)]
    """
    runs: list[tuple[str, int]] = []
    for char in text:
        if runs and runs[-1][0] == char:
            runs[-1] = (char, runs[-1][1] + 1)
        else:
            runs.append((char, 1))
    return runs


def flatten(nested: list[Any]) -> list[Any]:
    """All items of a list of lists of any depth as one list.
    >>> flatten([1, [2, [3]]])
    [1, 2, 3]
    """
    flat = []
    for item in nested:
        flat += flatten(item) if isinstance(item, list) else [item]
    return flat


def windows(items: Any, size: int) -> list[list[Any]]:
    """Every stretch of so many neighbouring items, as a list of lists.
    >>> windows([1, 2, 3], 2)
    [[1, 2], [2, 3]]
    """
    return [list(items[start : start + size]) for start in range(len(items) - size + 1)]


def invert(table: dict[str, int]) -> dict[int, list[str]]:
    """For each value of the table, the sorted list of the keys that have it.
    >>> invert({'a': 1, 'b': 1})
    {1: ['a', 'b']}
    """
    keys: dict[int, list[str]] = {}
    for key in sorted(table):
        keys.setdefault(table[key], []).append(key)
    return keys


def distance(start: tuple[float, float], end: tuple[float, float]) -> float:
    """How far two points of the plane lie apart.
    >>> distance((0, 0), (3, 4))
    5.0
    """
    return math.hypot(end[0] - start[0], end[1] - start[1])


def collatz(number: int) -> int:
    """How many steps lead to 1, where an even number is halved and an odd one tripled and made one larger?
    >>> collatz(6)
    8
    """
    steps = 0
    while number != 1:
        number = 3 * number + 1 if number % 2 else number // 2
        steps += 1
    return steps


def title_words(text: str, small: list[str]) -> str:
    """The words of the text with a capital, but not the small ones, unless such a word is the first.
    >>> title_words('the end of it', ['of'])
    'The End of It'
    """
    words = text.split()
    return " ".join(word if place and word in small else word.capitalize() for place, word in enumerate(words))


def primes_below(limit: int) -> list[int]:
    """All prime numbers that are smaller than the limit, in order.
    >>> primes_below(10)
    [2, 3, 5, 7]
    """
    return [number for number in range(2, limit) if all(number % other for other in range(2, math.isqrt(number) + 1))]
