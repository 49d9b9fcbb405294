"""The programming problems of the toy set: functions to be written, in the columns of HumanEval."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from tools.toys import solutions

Row = Mapping[str, Any]

# Function, what its tests check (each an assertion over `candidate`).
PROBLEMS: tuple[tuple[Callable[..., Any], tuple[str, ...]], ...] = (
    (solutions.count_steps, ("(10, 3) == 4", "(9, 3) == 3", "(0, 5) == 0", "(1, 100) == 1")),
    (solutions.longest_run, ("('aabbbc') == 3", "('') == 0", "('abc') == 1", "('zzzz') == 4")),
    (solutions.rotate_left, ("([1, 2, 3, 4], 1) == [2, 3, 4, 1]", "([], 3) == []", "([5, 6], 4) == [5, 6]")),
    (solutions.initials, ("('Ada Lovelace') == 'A.L.'", "('  grace   hopper ') == 'G.H.'", "('') == ''")),
    (solutions.middle, ("([3]) == 3", "([1, 9, 4]) == 9", "([1, 2, 3, 4]) == 2", "(['a', 'b']) == 'a'")),
    (solutions.only_once, ("([1, 2, 1, 3]) == [2, 3]", "([4, 4]) == []", "([]) == []", "([7, 5, 7, 6]) == [5, 6]")),
    (solutions.sum_of_odds, ("([1, 2, 3]) == 4", "([-1, -2]) == -1", "([]) == 0", "([8, 6]) == 0")),
    (solutions.caesar, ("('abc', 1) == 'bcd'", "('xyz', 3) == 'abc'", "('a-Z', 1) == 'b-A'", "('Hi', 0) == 'Hi'")),
    (solutions.merge_sorted, ("([1, 4], [2, 3]) == [1, 2, 3, 4]", "([], [1]) == [1]", "([1, 1], [1]) == [1, 1, 1]")),
    (solutions.to_roman, ("(4) == 'IV'", "(1994) == 'MCMXCIV'", "(3) == 'III'", "(2026) == 'MMXXVI'")),
    (solutions.balanced, ("('(())') is True", "('())(') is False", "('') is True", "('a(b)') is True")),
    (solutions.digits_sum, ("(1234) == 10", "(0) == 0", "(-56) == 11", "(99999) == 45")),
    (solutions.transpose, ("([[1, 2], [3, 4]]) == [[1, 3], [2, 4]]", "([[1, 2, 3]]) == [[1], [2], [3]]", "([]) == []")),
    (solutions.common_letters, ("('stone', 'onset') == 'enost'", "('abc', 'xyz') == ''", "('aab', 'ba') == 'ab'")),
    (solutions.second_largest, ("([3, 1, 2]) == 2", "([5, 5, 4]) == 4", "([1]) is None", "([2, 2]) is None")),
    (solutions.is_leap, ("(2024) is True", "(1900) is False", "(2000) is True", "(2026) is False")),
    (
        solutions.run_lengths,
        ("('aab') == [('a', 2), ('b', 1)]", "('') == []", "('xyx') == [('x', 1), ('y', 1), ('x', 1)]"),
    ),
    (solutions.flatten, ("([1, [2, [3]]]) == [1, 2, 3]", "([]) == []", "([[], [[4]]]) == [4]")),
    (solutions.windows, ("([1, 2, 3], 2) == [[1, 2], [2, 3]]", "([1], 2) == []", "('abc', 3) == [['a', 'b', 'c']]")),
    (
        solutions.invert,
        ("({'a': 1, 'b': 1}) == {1: ['a', 'b']}", "({}) == {}", "({'x': 2, 'y': 3}) == {2: ['x'], 3: ['y']}"),
    ),
    (solutions.distance, ("((0, 0), (3, 4)) == 5.0", "((1, 1), (1, 1)) == 0.0", "((-1, 0), (1, 0)) == 2.0")),
    (solutions.collatz, ("(1) == 0", "(6) == 8", "(7) == 16", "(27) == 111")),
    (
        solutions.title_words,
        ("('the end of it', ['of']) == 'The End of It'", "('', []) == ''", "('of it', ['of', 'it']) == 'Of it'"),
    ),
    (solutions.primes_below, ("(10) == [2, 3, 5, 7]", "(2) == []", "(3) == [2]", "(30)[-1] == 29")),
)


def programs() -> list[Row]:
    """A row for each problem: prompt (imports, signature, docstring), the body that solves it, and its tests."""
    return [_row(number, function, checks) for number, (function, checks) in enumerate(PROBLEMS)]


def _row(number: int, function: Callable[..., Any], checks: tuple[str, ...]) -> Row:
    lines = inspect.getsource(function).splitlines(keepends=True)
    quotes = [place for place, line in enumerate(lines) if '"""' in line]
    head = 1 + (quotes[0] if lines[quotes[0]].count('"""') == 2 else quotes[1])
    body = "".join(lines[head:])
    needed = "import math\n\n\n" if "math." in body else ""
    needed += "from typing import Any\n\n\n" if "Any" in "".join(lines[:head]) else ""
    asserted = textwrap.indent("".join(f"assert candidate{check}\n" for check in checks), "    ")
    return {
        "task_id": f"Sample/{number}",
        "prompt": needed + "".join(lines[:head]),
        "canonical_solution": body,
        "test": f"def check(candidate):\n{asserted}",
        "entry_point": function.__name__,
    }
