"""A mistake of the user's: a clear message, exit code 2, no traceback (console.evalkit asserts that)."""

from pathlib import Path

import pytest

from tests.cli.console import evalkit

TASK = """\
name: colours
data: colours.jsonl
prompt: "Q: {{ thing }}?\\nA:"
answer: "{{ colour }}"
scorers: [exact_match]
"""
ROWS = (
    '{"thing": "sky", "colour": "blue"}\n{"thing": "grass", "colour": "green"}\n{"thing": "snow", "colour": "white"}\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "colours.yaml").write_text(TASK)
    (tmp_path / "colours.jsonl").write_text(ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lst",), ["no command named 'lst'", "did you mean 'list'"]),
        (("run", "mlmu", "--model", "tiny"), ["no task named 'mlmu'", "did you mean 'mmlu'"]),
        (("run", "toy_mmlu", "--model", "tny"), ["tny", "did you mean 'tiny'"]),
        (("run", "mmlu,subject=anatomi", "--model", "tiny"), ["anatomi", "did you mean 'anatomy'"]),
        (("run", "mmlu,subjct=anatomy", "--model", "tiny"), ["subjct", "subject"]),
        (("run", "mmlu", "--model", "hf/./nowhere"), ["nowhere"]),
        (("run", "toy_mmlu"), ["no model is given", "--model tiny"]),
        (("run",), ["no task is given"]),
        (("run", "colours.yaml", "--model", "tiny", "--data-dir", "nowhere"), ["there is no data folder", "nowhere"]),
        (
            ("run", "colours.yaml", "--model", "tiny", "--limit", "0"),
            ["--limit must be a whole number of at least 1", "found: 0"],
        ),
        (
            ("run", "colours.yaml", "--model", "tiny", "--num-fewshot", "7"),
            ["cannot show 7 examples", "--num-fewshot 2"],
        ),
        (("run", "colours.yaml", "--model", "tiny", "--model", "tiny"), ["model 'tiny' is given twice"]),
        (("run", "a.yaml", "--model", "tiny"), ["a.yaml"]),
        (("show", "nowhere"), ["nowhere is not a run folder", "no such folder"]),
        (("run", "--modle", "tiny"), ["evalkit run has no option '--modle'", "did you mean '--model'"]),
        (("run", "--resume", "nowhere"), ["holds no run to resume"]),
        (
            ("run", "toy_mmlu", "toy_squad", "-T", "x=1", "--model", "tiny"),
            ["-T needs exactly one task"],
        ),
        (("run", "--frobnicate"), ["evalkit run has no option '--frobnicate'", "evalkit run --help"]),
    ],
)
def test_mistakes_on_the_command_line(project: Path, arguments: tuple[str, ...], said: list[str]) -> None:
    done = evalkit(*arguments, cwd=project)
    assert done.code == 2, done
    for words in said:
        assert words in done.err
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("colours.yaml", "prompt:", "prompt: [", ["colours.yaml:", "malformed YAML"]),
        ("colours.yaml", "scorers:", "scorrers:", ["colours.yaml:5", "'scorrers'", "did you mean 'scorers'"]),
        ("colours.yaml", "exact_match", "exact_mach", ["colours.yaml:5", "exact_mach"]),
        ("colours.yaml", "{{ thing }}", "{{ thng }}", ["thng", "thing, colour"]),
        ("colours.yaml", "{{ thing }}", "{{ thing }", ["colours.yaml:3"]),
        ("colours.yaml", "colours.jsonl", "colors.jsonl", ["colors.jsonl", "colours.jsonl"]),
        ("colours.jsonl", '{"thing": "grass"', '{"thing": "grass', ["colours.jsonl:2", "--skip-bad-rows"]),
        ("colours.jsonl", ROWS, "", ["colours.jsonl", "empty"]),
    ],
)
def test_mistakes_in_files(project: Path, file: str, old: str, new: str, said: list[str]) -> None:
    path = project / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = evalkit("run", "colours.yaml", "--model", "tiny", cwd=project)
    assert done.code == 2, done
    for words in said:
        assert words in done.err


@pytest.mark.slow("two runs, a process each")
def test_the_rest_still_counts_if_asked(project: Path) -> None:
    pytest.importorskip("torch")
    (project / "colours.jsonl").write_text(ROWS.replace('"thing": "grass"', '"thing": "grass'))
    done = evalkit("run", "colours.yaml", "--model", "tiny", "--skip-bad-rows", "--max-failures", "0.5", cwd=project)
    assert done.code == 0, done
    assert "1 failed" in done.out
    done = evalkit("run", "colours.yaml", "--model", "tiny", "--skip-bad-rows", cwd=project)
    assert done.code == 3
    assert "1 of 3 samples could not be measured" in done.err
    assert "colours.jsonl:2" in done.err


def test_a_model_without_a_template_is_not_asked_to_chat(project: Path) -> None:
    from evalkit.models.tiny import TINY

    bare = project / "bare"
    bare.mkdir()
    for file in TINY.iterdir():
        if file.is_file() and file.name != "chat_template.jinja":
            (bare / file.name).symlink_to(file)
    done = evalkit("run", "colours.yaml", "--model", "hf/./bare,chat=on", cwd=project)
    assert done.code == 2
    assert "chat template" in done.err


def test_an_unexpected_exception_exits_3_without_a_traceback(project: Path) -> None:
    # A cache folder whose database is a folder: nothing a user is likely to do, so no message was written for it.
    runs = project / "runs"
    runs.mkdir()
    (runs / "x").mkdir()
    (runs / "x" / "manifest.json").mkdir()
    done = evalkit("show", "runs/x", cwd=project)
    assert done.code in (2, 3)
