"""Who implements a contract of `core` says so: a class with the protocol among its bases, never a closure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalkit.core import AskModel, GiveVerdict, Judge, ScoreSample
from evalkit.plugins import index, load
from evalkit.plugins.named import Named, methods, scorers
from tests.judging.scripted import Scripted

ROOT = Path(__file__).resolve().parent.parent
# What these need to be made.
SETTINGS: dict[str, dict[str, Any]] = {
    "bertscore": {"model": "x"},
    "classifier": {"model": "x"},
    "entailment": {"model": "x"},
    "evaluate": {"metric": "accuracy", "result": "accuracy"},
    "sklearn": {"metric": "accuracy_score"},
    "ngram_overlap": {"corpus": str(Path(__file__))},
    "read_answer": {"first_of": ["number"]},
    "regex_match": {"pattern": "x"},
}
# What a protocol's call takes, by annotation: a function inside a function that takes this is a closure of its kind.
CALLS = {
    ("Attempt", "Model"): "AskModel",
    ("Sample", "tuple[Reply, ...]"): "ScoreSample or GiveVerdict",
    ("Model", "Sample", "tuple[Reply, ...]"): "Decide",
    ("Facts",): "MeasureFacts",
}


def made(named: Named[Any]) -> dict[str, Any]:
    """Everything of a kind by its name."""
    return {name: named.by_name(name, **SETTINGS.get(name, {})) for name in named.names()}


def nameless(found: dict[str, object], protocol: type) -> str:
    """Those that do not name the protocol, one a line, with what they are."""
    return "\n".join(
        f"{name}: {type(one).__name__}" for name, one in found.items() if protocol not in type(one).__mro__
    )


def test_every_scorer_names_its_protocol() -> None:
    found = made(scorers)
    assert len(found) > 30
    missing = nameless({name: scorer.score for name, scorer in found.items()}, ScoreSample)
    assert not missing, missing


def test_every_method_names_its_protocol() -> None:
    found = made(methods)
    assert len(found) > 10
    missing = nameless({name: method.ask for name, method in found.items()}, AskModel)
    assert not missing, missing


def test_every_judge_names_its_protocol_with_a_model_and_without() -> None:
    names = [entry.name for entry in index("judge") if entry.origin == "built-in"]
    found: dict[str, object] = {}
    for name in names:
        judge = load("judge", name)
        assert isinstance(judge, Judge)
        assert judge.bound is not None
        found[name] = judge.verdict
        found[f"{name} with a model"] = judge.bound(Scripted(lambda prompt, seed: "")).verdict
    assert len(found) > 30
    missing = nameless(found, GiveVerdict)
    assert not missing, missing


def closures(tree: ast.AST, inside: bool = False) -> Iterator[ast.AsyncFunctionDef]:
    """The asynchronous functions that stand inside another function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.AsyncFunctionDef) and inside:
            yield node
        # A method of a class inside a function is none.
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from closures(node, function or (inside and not isinstance(node, ast.ClassDef)))


def test_no_closure_stands_where_a_protocol_is_wanted() -> None:
    files = [path for pack in ("evalkit", "tasks", "judges") for path in sorted((ROOT / pack).rglob("*.py"))]
    offenders = []
    for path in files:
        for function in closures(ast.parse(path.read_text("utf-8"))):
            taken = tuple(ast.unparse(each.annotation) for each in function.args.args if each.annotation)
            if taken in CALLS:
                offenders.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}: {CALLS[taken]}")
    assert len(files) > 400
    assert not offenders, "\n".join(offenders)
