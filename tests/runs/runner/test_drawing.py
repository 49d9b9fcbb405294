"""Sampling as options of a run: what reaches the model, what is refused, what the record of the run says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import evalkit
from evalkit.cli.group import cli as main
from evalkit.comparing.gates.integrity import findings
from evalkit.comparing.pairing import pair_tasks
from evalkit.comparing.side import read_sides
from evalkit.core import Capabilities, Generate, Reply, Request, Sampling, Task, UsageError
from evalkit.models.response_cache import request_key
from evalkit.prompting.methods import chain_of_thought, generate, multi_turn, write_json
from evalkit.runs.runner import Settings, prepare
from tests.runs.runner.scripted import Parrot, say_task

DRAWN = Settings(temperature=0.6, top_p=0.95, top_k=20, max_tokens=77, samples=3)
FEATURES = frozenset({"top_k", "min_p", "repetition_penalty", "thinking_tokens"})


class Listener(Parrot):
    def __init__(self) -> None:
        super().__init__()
        self.capabilities = Capabilities(window=4, features=FEATURES)
        self.heard: list[Generate] = []

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        self.heard.append(request)
        return await super().answer(request)


def asked(task: Task, tmp_path: Path, **options: object) -> list[Generate]:
    model = Listener()
    evalkit.run(task, model, out=tmp_path / "r", cache=False, **options)  # type: ignore[call-overload]
    return model.heard


@pytest.mark.parametrize(
    "method", [generate(), generate(temperature=1.0, n=2), chain_of_thought(), write_json(), multi_turn(form="text")]
)
def test_every_way_of_writing_is_drawn_as_the_run_says(method: object, tmp_path: Path) -> None:
    heard = asked(say_task(1, method=method), tmp_path, temperature=0.6, top_k=20, max_tokens=77, thinking_tokens=9)
    assert heard
    for one in heard:
        assert (one.temperature, one.top_k, one.max_tokens, one.thinking_tokens) == (0.6, 20, 77, 9)
        assert one.seed != 0


def test_samples_of_a_question_are_different_requests(tmp_path: Path) -> None:
    heard = asked(say_task(2), tmp_path, temperature=1.0, samples=4)
    keys = {request_key(Parrot().identity, one) for one in heard}
    assert len(heard) == len(keys) == 8
    assert len({one.seed for one in heard}) == 8


def test_settings_that_are_not_used_leave_the_key_as_it_was(tmp_path: Path) -> None:
    (plain,) = asked(say_task(1), tmp_path / "a")
    (said,) = asked(say_task(1), tmp_path / "b", temperature=0.0)
    assert request_key(Parrot().identity, plain) == request_key(Parrot().identity, said)
    (other,) = asked(say_task(1), tmp_path / "c", temperature=0.0, repetition_penalty=1.1)
    assert request_key(Parrot().identity, plain) != request_key(Parrot().identity, other)


def words(task: Task, settings: Settings) -> tuple[str, str]:
    identity = prepare(task, "t", "", Listener(), settings).identity
    return identity["sampling"], identity["repeats"]


def test_the_signature_names_what_was_drawn() -> None:
    sampled = say_task(1, method=generate(temperature=0.7, n=8))
    assert words(say_task(1), Settings()) == ("greedy", "1")
    assert words(say_task(1), DRAWN) == ("t=0.6,top_p=0.95,top_k=20,max_tokens=77", "3")
    assert words(say_task(1), Settings(max_tokens=9)) == ("greedy,max_tokens=9", "1")
    assert words(sampled, Settings(top_p=0.9)) == ("t=0.7,top_p=0.9,n=8", "1")
    assert words(sampled, Settings(top_k=0)) == ("t=0.7,top_p=1,n=8", "1")
    assert words(say_task(1), Settings(repetition_penalty=1.05)) == ("greedy,penalty=1.05", "1")
    assert "max_tokens=77" in prepare(say_task(1), "t", "", Listener(), DRAWN).identity["method settings"]


@pytest.mark.parametrize("settings", [Settings(samples=2), Settings(samples=2, temperature=0.0)])
def test_greedy_samples_are_refused_with_the_reason(settings: Settings) -> None:
    with pytest.raises(UsageError, match="its texts are greedy"):
        prepare(say_task(1), "t", "", Listener(), settings)
    prepare(say_task(1), "t", "", Listener(), replace(settings, temperature=0.1))


def test_likelihoods_are_not_drawn() -> None:
    from evalkit.runs.planned_tasks import load_all

    (task,), _ = load_all(["toy_mmlu"], None)
    with pytest.raises(UsageError, match="it weighs what it is given"):
        prepare(task.task, "t", "", Parrot(), DRAWN)


def test_a_model_that_lacks_a_setting_is_refused() -> None:
    with pytest.raises(UsageError, match="takes no min_p, top_k"):
        prepare(say_task(1), "t", "", Parrot(), Settings(temperature=1.0, top_k=5, min_p=0.1))
    prepare(say_task(1), "t", "", Parrot(), Settings(temperature=1.0, top_k=0, top_p=0.5))


RECOMMENDED = Sampling(temperature=0.6, samples=16, max_tokens=32768)


def test_a_recommendation_is_taken_where_it_is_asked_for_and_departures_are_told() -> None:
    task = replace(say_task(1), recommended=RECOMMENDED)
    plain = prepare(task, "t", "", Listener(), Settings())
    assert plain.identity["departs"] == (
        "temperature 0 instead of 0.6; max_tokens 4 instead of 32768; samples 1 instead of 16"
    )
    taken = prepare(task, "t", "", Listener(), Settings(recommended=True))
    assert (taken.samples, taken.identity.get("departs")) == (16, None)
    some = prepare(task, "t", "", Listener(), Settings(recommended=True, samples=4))
    assert (some.samples, some.identity["departs"]) == (4, "samples 4 instead of 16")


def test_a_model_s_own_configuration_fills_what_nobody_says() -> None:
    model = Listener()
    model.recommended = Sampling(temperature=0.7, top_k=20)  # type: ignore[attr-defined]
    said = prepare(say_task(1), "t", "", model, Settings(top_k=5)).identity["sampling"]
    assert said == "t=0.7,top_p=1,top_k=5"


def test_a_yaml_task_recommends_and_show_tells_of_the_departure(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"q": "say four", "a": "four"}\n')
    task = tmp_path / "t.yaml"
    written = "data: rows.jsonl\nprompt: '{{ q }}'\nanswer: a\nrecommended: {temperature: 0.6, samples: 2}\n"
    task.write_text(written)
    out = tmp_path / "r"
    ran = CliRunner().invoke(main, ["run", str(task), "-m", "tiny", "--out", str(out), "--max-tokens", "3", "-q"])
    assert ran.exit_code == 0, ran.output
    shown = CliRunner().invoke(main, ["show", str(out)])
    assert "temperature 0 instead of 0.6; samples 1 instead of 2" in " ".join(shown.output.split())
    task.write_text(written.replace("0.6", "-1"))
    with pytest.raises(UsageError, match=r"t\.yaml:4: temperature cannot be -1"):
        evalkit.run(str(task), "tiny", out=tmp_path / "w")


def test_a_comparison_of_other_sampling_says_so(tmp_path: Path) -> None:
    before = evalkit.run(say_task(4), Parrot(), out=tmp_path / "a", cache=False)
    after = evalkit.run(say_task(4), Parrot(), temperature=0.6, out=tmp_path / "b", cache=False)
    (paired,), *_ = pair_tasks(read_sides(before, {}), read_sides(after, {}))
    assert any("sampling=greedy" in one.what and "t=0.6" in one.what for one in findings(paired))


class Stubborn(Listener):
    """Leaves settings out, as a server does that takes none, and says so."""

    def __init__(self, *notes: str) -> None:
        super().__init__()
        self.notes = notes

    async def answer(self, request: Request) -> Reply:
        return replace(await super().answer(request), notes=self.notes)


@pytest.mark.parametrize(
    ("notes", "options", "refused"),
    [
        (("temperature-not-taken",), {"temperature": 0.6}, "temperature=0.6"),
        (("temperature-lowered",), {"temperature": 1.5}, "temperature=1.5"),
        (("temperature-not-taken",), {"temperature": 1.0}, ""),  # what such servers draw at
        (("temperature-not-taken",), {"top_p": 0.9, "temperature": 1.0}, ""),
        (("top-k-not-taken",), {"temperature": 1.0, "top_k": 5}, "top_k=5"),
        (("thinking-tokens-not-taken",), {"thinking_tokens": 64}, "thinking_tokens=64"),
        (("temperature-not-taken",), {"recommended": True}, "temperature=0.7"),
        (("temperature-not-taken",), {}, ""),  # the task's own temperature: a flag says that it was left out
    ],
)
def test_a_run_ends_where_a_setting_that_it_names_is_left_out(
    notes: tuple[str, ...], options: dict[str, object], refused: str, tmp_path: Path
) -> None:
    task = replace(say_task(1), recommended=Sampling(temperature=0.7))
    ask = lambda: evalkit.run(task, Stubborn(*notes), out=tmp_path / "r", cache=False, **options)  # type: ignore[call-overload]  # noqa: E731
    if refused:
        with pytest.raises(UsageError, match=f"did not take {refused}"):
            ask()
    else:
        assert next(iter(ask().records())).flags == notes
