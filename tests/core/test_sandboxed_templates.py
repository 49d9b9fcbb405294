"""Templates that come with data: what they may compute, and what is stopped before it is made."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import jinja2
import pytest
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalkit.core import UsageError, sandboxed_templates
from evalkit.core.sandboxed_templates import Limited, evaluated, rendered
from evalkit.judging.prompts import PromptText

DOUBLED = "{% set n = namespace(x='ab') %}{% for i in range(40) %}{% set n.x = "
HOSTILE = [
    "{{ cycler.__init__.__globals__.os.system('true') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''|attr('__class__') }}",
    "{{ [].append(1) }}",
    "{{ 'x' * 900000000 }}",
    "{{ 900000000 * 'x' }}",
    "{{ [0] * 900000000 }}",
    "{{ 9 ** (9 ** 9) }}",
    DOUBLED + "n.x + n.x %}{% endfor %}",
    DOUBLED + "n.x ~ n.x %}{% endfor %}",
    DOUBLED + "[n.x, n.x] %}{% endfor %}{{ n.x }}",
    DOUBLED + "[n.x, n.x] %}{% endfor %}{{ n.x == n.x }}",
    DOUBLED + "{'a': n.x, 'b': n.x} %}{% endfor %}{{ n.x|tojson }}",
    DOUBLED + "(n.x, n.x) %}{% endfor %}{{ n.x|string }}",
    DOUBLED + "n.x|replace('a', 'aa') %}{% endfor %}",
    DOUBLED + "n.x.replace('a', 'aa') %}{% endfor %}",
    DOUBLED + "'%s%s' % (n.x, n.x) %}{% endfor %}{{ n.x|length }}",
    DOUBLED + "'{0}{0}'.format(n.x) %}{% endfor %}",
    DOUBLED + "n.x|join(n.x) %}{% endfor %}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) if b > 9 %}x{% endfor %}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "{% for a in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "{{ range(100000)|map('center', 100000)|list|length }}",
    "{{ 'x'|center(900000000) }}",
    "{{ 'x'.ljust(900000000) }}",
    "{{ '\\t'.expandtabs(900000000) }}",
    "{{ ('a\\n' * 100000)|indent(100000) }}",
    "{{ [1]|batch(900000000, 'x')|list }}",
    "{{ [1]|slice(900000000)|list }}",
    "{{ '%900000000d' % 1 }}",
    "{{ '%*d' % (900000000, 1) }}",
    "{{ '%900000000d'|format(1) }}",
    "{{ '{:900000000}'.format(1) }}",
    "{{ '{:{w}}'.format(1, w=900000000) }}",
    "{{ ('x' * 100000)|replace('x', 'y' * 100000) }}",
    "{{ ('y' * 100000).join(('x' * 100000)|list) }}",
    "{{ ('x' * 100000)|list|join('y' * 100000) }}",
    "{{ ('x ' * 100000)|wordwrap(1, True, 'y' * 100000) }}",
    "{{ 'aaaa'.translate({97: 'y' * 1000000}) }}",
    "{{ (1).to_bytes(900000000, 'big') }}",
    "{{ lipsum(900000000) }}",
    "{% set x %}{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endset %}{{ x|length }}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_template_is_stopped_in_time_and_memory(text: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    with pytest.raises((SecurityError, jinja2.UndefinedError, RecursionError)):
        rendered(Limited(undefined=jinja2.StrictUndefined).from_string(text), {})
    assert time.thread_time() - began < 12
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000, "kB"


def test_what_is_slow_in_few_steps_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxed_templates, "SECONDS", 0.5)
    began = time.thread_time()
    with pytest.raises(SecurityError, match="more than 0 s"):
        rendered(Limited().from_string("{{ range(99999)|select('in', range(99999)|list)|list|length }}"), {})
    assert time.thread_time() - began < 5


GOOD = [
    "{% for c in choices %}{{ 'ABCD'[loop.index0] }}. {{ c }}{% if not loop.last %}\n{% endif %}{% endfor %}",
    "{{ choices|map('upper')|join(', ') }} of {{ loop is defined }}",
    "{% for key, value in table|dictsort if value > 1 %}{{ key }}={{ value }};{% endfor %}",
    "{{ '%05.1f' % 3.14159 }} {{ '{:,}'.format(7900000000) }} {{ '{0:>8}|{name}'.format(n, name='x') }}",
    "{{ question|replace('a', 'b')|trim|wordwrap(20)|indent(4) }}",
    "{{ n * 3 + 2 ** 10 }} {{ 'ab' * 3 }} {{ [1] + [2, 3] }} {{ question ~ n ~ [1, {'a': none}] }}",
    "{% set n = namespace(total=0) %}{% for x in range(10) %}{% set n.total = n.total + x %}{% endfor %}{{ n.total }}",
    "{% macro shot(q, a='') %}Q: {{ q }}{% if a %} A: {{ a }}{% endif %}{% endmacro %}{{ shot(question, a='yes') }}",
    "{{ table|tojson }} {{ choices|list|length }} {{ choices|batch(2)|list }} {{ choices|slice(2)|list }}",
    "{{ question.split()[0].ljust(9, '.') }} {{ ', '.join(choices) }} {{ question.count('a') }} {{ none }}",
    "{% for a in range(300) %}{% for b in range(300) %}{% endfor %}{% endfor %}{{ (1, 2)|sum(start=5000000000) }}",
    "{% for g in [[1, [2]], [3]] recursive %}{% if g is iterable %}({{ loop(g) }}){% else %}{{ g }}{% endif %}"
    "{% endfor %}",
    "{{ choices|map(attribute=0)|unique|sort|first }} {{ question is string and n is odd }} {{ n if n > 1 else 'x' }}",
]


@pytest.mark.parametrize("text", GOOD)
def test_an_ordinary_template_says_what_jinja_says(text: str) -> None:
    """The oracle is Jinja's own sandbox, without limits."""
    row = {"choices": ["red", "amber", "blau", "vert"], "table": {"b": 2, "a": 1, "c": 3}, "n": 7}
    names = {**row, "question": "What colour is a canary that sings at dawn?"}
    assert rendered(Limited().from_string(text), names) == ImmutableSandboxedEnvironment().from_string(text).render(
        names
    )


def test_an_expression_keeps_its_type_and_the_limits() -> None:
    assert evaluated(Limited().compile_expression("[a, b * 2]"), {"a": 1, "b": 2}) == [1, 4]
    with pytest.raises(SecurityError, match="characters"):
        evaluated(Limited().compile_expression("a * 900000000"), {"a": "x"})


def test_a_prompt_of_a_million_tokens_is_no_attack() -> None:
    long = "word " * 1_000_000
    assert rendered(Limited().from_string("{{ a }} and {{ a|trim }}"), {"a": long}) == f"{long} and {long.strip()}"


def test_each_rendering_has_a_budget_of_its_own() -> None:
    template = Limited().from_string("{{ 'x' * 9000000 }}")
    assert [len(rendered(template, {})) for _ in range(6)] == [9_000_000] * 6


def test_a_judges_prompt_runs_no_code(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    prompt = PromptText("{{ cycler.__init__.__globals__.os.system('touch " + str(mark) + "') }}", "rubric.yaml")
    with pytest.raises(UsageError, match="uses something that templates may not use") as caught:
        prompt.render({})
    assert caught.value.at == "rubric.yaml" and not mark.exists()
