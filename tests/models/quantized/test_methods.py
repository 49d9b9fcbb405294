"""Every method that runs on a processor: the numbers of the library that quantizes, on evalkit's own paths."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Reply, Request
from evalkit.models import resolve
from tests.models.oracle import answers
from tests.models.quantized.conftest import CASES, available
from tests.models.quantized.reference import Reference, choices, texts

pytest.importorskip("torch")
pytest.importorskip("transformers")

pytestmark = pytest.mark.slow("quantizes a model by every method, once by evalkit and once by the library")

_ROUNDED = ("int8 without outliers", "torchao-int8-dynamic")
"""Activations are rounded to 8 bits, so that sums in another order end in the next whole number here and there."""
_ALONE = "int8"
"""LLM.int8() with its outliers: a text's numbers change with the texts next to it, so that each is computed alone."""


def asked(spec: str) -> tuple[list[Reply], list[Reply], dict[str, str]]:
    """Scores, texts and how they were computed; everything is asked at once, so that passes hold many texts."""

    async def ask() -> tuple[list[Reply], dict[str, str]]:
        model: Any = resolve(spec)
        try:
            replies = await asyncio.gather(*(model.answer(request) for request in (*choices(), *texts())))
            return list(replies), model.facts
        finally:
            await model.close()

    replies, facts = asyncio.run(ask())
    return replies[: len(choices())], replies[len(choices()) :], facts


@pytest.mark.parametrize("name", CASES)
def test_scores_and_texts_are_the_librarys_own(
    name: str, plainly: Callable[[str], Reference], record_property: Callable[[str, Any], None]
) -> None:
    """The oracle computes one text at a time by the library's own interface; evalkit packs, caches and shares."""
    case = CASES[name]
    available(name)
    scores, written, facts = asked(case.spec)
    expected = plainly(name)
    differences: list[float] = []
    for request, reply in zip(choices(), scores, strict=True):
        assert isinstance(request, Choose)
        pairs = zip(reply.loglikelihoods, expected.loglikelihoods(request), strict=True)
        differences += [abs(got - wanted) for got, wanted in pairs]
    record_property("max_abs_difference", max(differences))
    if name in _ROUNDED:
        assert max(differences) <= 0.5
        assert sum(differences) / len(differences) <= 0.05
    else:
        assert max(differences) <= 2e-4
        for request, reply in zip(texts(), written, strict=True):
            assert isinstance(request, Generate)
            assert reply.texts[0].strip() == expected.written(request).strip()
    assert facts["scoring"] == ("packed" if name != _ALONE else facts["scoring"])
    assert facts["scoring"].startswith("plain: LLM.int8()") == (name == _ALONE)
    assert facts["generation"].startswith("slots") == (name != _ALONE)
    if case.options:
        assert ", 28 of 29 matrices (" in facts["quantization"]


@pytest.mark.parametrize("name", [name for name in CASES if name != "float32"])
def test_quantizing_changes_numbers_and_less_than_everything(name: str, plainly: Callable[[str], Reference]) -> None:
    available(name)
    requests = [request for request in choices()[:3] if isinstance(request, Choose)]
    exact, coarse = ([plainly(which).loglikelihoods(one) for one in requests] for which in ("float32", name))
    differences = [
        abs(a - b) for row, other in zip(exact, coarse, strict=True) for a, b in zip(row, other, strict=True)
    ]
    assert 1e-3 < max(differences) < 15.0


def test_bfloat16_is_float32_up_to_rounding(plainly: Callable[[str], Reference]) -> None:
    scores, written, facts = asked("tiny,dtype=bfloat16")
    for request, reply in zip(choices(), scores, strict=True):
        assert isinstance(request, Choose)
        assert reply.loglikelihoods == pytest.approx(plainly("float32").loglikelihoods(request), abs=0.5)
    assert facts["scoring"] == "packed"
    assert all(reply.texts[0].strip() for reply in written)


def test_a_request_is_answered_the_same_in_any_company() -> None:
    """LLM.int8(), to the bit, since each text is computed alone; batched by its library it is some tenths off."""
    pytest.importorskip("bitsandbytes", reason="pip install 'evalkit-harness[quant]'")
    requests: list[Request] = [*choices(), *texts()]
    together = answers(resolve("tiny,quant=int8"), requests)
    alone = answers(resolve("tiny,quant=int8"), [requests[0]]), answers(resolve("tiny,quant=int8"), [requests[-1]])
    assert together[0].loglikelihoods == alone[0][0].loglikelihoods
    assert together[-1].texts == alone[1][0].texts


def test_the_compute_type_is_heeded(plainly: Callable[[str], Reference]) -> None:
    """Rounded to 16 bits in the products alone, numbers differ from those in float32, but hardly."""
    pytest.importorskip("bitsandbytes", reason="pip install 'evalkit-harness[quant]'")
    replies = answers(resolve("tiny,quant=nf4,compute_dtype=bfloat16"), choices())
    differences = []
    for request, reply in zip(choices(), replies, strict=True):
        assert isinstance(request, Choose)
        pairs = zip(reply.loglikelihoods, plainly("nf4").loglikelihoods(request), strict=True)
        differences += [abs(got - wanted) for got, wanted in pairs]
    assert 1e-4 < max(differences) < 0.5
