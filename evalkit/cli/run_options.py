"""From arguments and suite files to a plan: what `evalkit run` and a YAML file can both say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.core import UsageError, spec
from evalkit.runs.plan import RunPlan, settings_of, spending_of

if TYPE_CHECKING:
    from evalkit.comparing.gates.policy import Policy
    from evalkit.plugins.yaml_tree import Value

KEYS = (
    "tasks",
    "models",
    "limit",
    "seed",
    "num_fewshot",
    "fewshot_order",
    "repeats",
    "data_dir",
    "offline",
    "skip_bad_rows",
    "max_failures",
    "out",
    "gate",
    "judge",
    "against",
)
_ORDERS = ("first", "random", "seeded", "balanced", "lm-eval")


def plan_from(tasks: Sequence[str], given: Mapping[str, Any]) -> RunPlan:
    """The plan of a command line; of its suite file, where the one argument is one, with options on top.

    Raises UsageError for contradictions, and with file and line for a mistake in a suite file.
    """
    suite, folder = _suite(tasks)
    said = {**suite, **{key: value for key, value in given.items() if value is not None and value is not False}}
    names = suite["tasks"] if suite else list(tasks)
    models = list(given["models"]) or suite.get("models", [])
    if not names:
        raise UsageError("no task is given", fix="evalkit run TASK… --model MODEL; evalkit list tasks")
    if not models:
        raise UsageError("no model is given", fix="--model tiny, or --model hf/<repo or path>; evalkit list models")
    return RunPlan(
        tasks=tuple(_with_options(names, given["task_options"], "task", "-T")),
        models=tuple(_batched(_with_options(models, given["model_options"], "model", "-M"), batch=given.get("batch"))),
        settings=settings_of(said),
        out=said.get("out"),
        cache=not given["no_cache"],
        project=folder or Path.cwd(),
        judge=said.get("judge"),
        **spending_of(given),
    )


def _with_options(names: Sequence[str], options: Sequence[str], kind: str, flag: str) -> list[str]:
    """Names with the options of -T or -M written inline. With several names it is unclear which is meant."""
    if not options:
        return list(names)
    inline = ",".join(options)
    if len(names) != 1:
        raise UsageError(f"{flag} needs exactly one {kind}", found=", ".join(names), fix=f"{names[0]},{inline}")
    asked = spec.parse(names[0])
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{flag} takes KEY=VALUE", found=repr(option))
        if key in asked.options:
            raise UsageError(f"the option {key!r} is given twice", found=f"{names[0]!r} and {flag} {option}")
        asked.options[key.strip()] = value.strip()
    return [str(asked)]


def _batched(names: Sequence[str], *, batch: bool | None) -> list[str]:
    """Models asked by their providers' batches, where --batch says so."""
    if not batch:
        return list(names)
    asked = [spec.parse(name) for name in names]
    for name, model in zip(names, asked, strict=True):
        if model.options.setdefault("batch", "on") != "on":
            raise UsageError("--batch and batch=off exclude each other", found=name, fix="leave one of them out")
    return [str(model) for model in asked]


# ---------------------------------------------------------------- suite files


def read_suite(path: Path) -> dict[str, Any]:
    """What a suite file says. Raises UsageError with file and line, also for a file that names no tasks."""
    from evalkit.plugins.yaml_tree import read_yaml

    tree = read_yaml(path)
    if "tasks" not in tree.mapping():
        raise tree.wrong("a suite names its tasks", fix="tasks: [mmlu, squad]")
    return _read(tree)


def gate_of(path: Path) -> Policy | None:
    """The policy under a suite's `gate:`, which must name its baseline; None where the suite has none."""
    from evalkit.comparing.gates.policy_file import policy_of
    from evalkit.plugins.yaml_tree import read_yaml

    found = read_yaml(path).mapping().get("gate")
    if found is None:
        return None
    policy = policy_of(found)
    if not policy.baseline:
        raise found.wrong("a suite's gate names its baseline", fix="baseline: baseline.evalkit")
    return policy


def _suite(tasks: Sequence[str]) -> tuple[dict[str, Any], Path | None]:
    """What the suite file among the arguments says and its folder; nothing where none of them is one."""
    if not any(name.endswith((".yaml", ".yml")) for name in tasks):
        return {}, None
    from evalkit.plugins.yaml_tree import read_yaml

    for name in tasks:
        path = Path(name)
        if path.suffix not in (".yaml", ".yml") or not path.is_file():
            continue
        tree = read_yaml(path)
        if "tasks" in tree.mapping():
            if len(tasks) > 1:
                raise UsageError(f"{name} is a suite: it stands alone", found=" ".join(tasks))
            return _read(tree), path.resolve().parent
    return {}, None


def _read(tree: Value) -> dict[str, Any]:
    found = tree.mapping(KEYS)
    folder = tree.path.resolve().parent
    suite: dict[str, Any] = {"tasks": [_name(item) for item in found["tasks"].items()]}
    if "models" in found:
        suite["models"] = [_name(item) for item in found["models"].items()]
    if "against" in found:  # `evalkit quantize-check` reads it; a run is of the models alone
        suite["against"] = [_name(item) for item in found["against"].items()]
    if "judge" in found:
        suite["judge"] = found["judge"].text()
    for key in ("limit", "repeats"):
        if key in found:
            suite[key] = found[key].integer(least=1)
    for key in ("seed", "num_fewshot"):
        if key in found:
            suite[key] = found[key].integer()
    for key in ("data_dir", "out"):
        if key in found:
            suite[key] = folder / found[key].text()
    for key in ("offline", "skip_bad_rows"):
        if key in found:
            suite[key] = _typed(found[key], bool, "true or false")
    if "max_failures" in found:
        suite["max_failures"] = float(_typed(found["max_failures"], (int, float), "a share between 0 and 1"))
    if "fewshot_order" in found:
        suite["fewshot_order"] = found["fewshot_order"].text()
        if suite["fewshot_order"] not in _ORDERS:
            raise found["fewshot_order"].wrong("no such order", fix="one of " + ", ".join(_ORDERS))
    return suite


def _typed(value: Value, kind: type | tuple[type, ...], wanted: str) -> Any:
    plain = value.plain()
    if not isinstance(plain, kind) or (kind is not bool and isinstance(plain, bool)):
        raise value.wrong(f"this must be {wanted}", found=repr(plain))
    return plain


def _name(item: Value) -> str:
    """`mmlu,data=sample`, or the same as a mapping: `mmlu: {data: sample}`."""
    if not item.is_mapping():
        return item.text()
    named = item.mapping()
    if len(named) != 1:
        raise item.wrong("a name with its options is one key", found=", ".join(named))
    (name, options), *_ = named.items()
    return str(spec.Spec(name, {key: value.text() for key, value in options.mapping().items()}))
