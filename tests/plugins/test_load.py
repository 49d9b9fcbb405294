import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.core import Judge, Task, UsageError
from evalkit.plugins import Origin, load, origin, reload

REPOSITORY = Path(__file__).resolve().parents[2]

TASK = """
from evalkit.core import PromptFormat, Sample, Subset, Task
from evalkit.data import rows
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import exact_match

META = {"name": "mine"}


def make(name="mine"):
    return Task(
        name=name,
        data=(Subset(rows([{"q": "2 + 2 =", "a": "4"}])),),
        sample=lambda row: Sample(row.id, row.values["q"], targets=(row.values["a"],)),
        prompt=PromptFormat(question=lambda s: s.input, answer=lambda s: s.targets[0]),
        method=generate(),
        scorers=(exact_match(),),
    )


"""
PLAIN = TASK + "def task():\n    return make()\n"


def error_of(*arguments, **more):
    with pytest.raises(UsageError) as caught:
        load(*arguments, **more)
    return caught.value


def test_a_task_is_loaded_by_name_and_nothing_else_is_run(project, put):
    put("tasks/mine.py", PLAIN)
    put("tasks/other.py", "raise SystemExit('executed')\nMETA = {'name': 'other'}\ndef task(): ...\n")
    task = load("task", "mine", project=project)
    assert isinstance(task, Task)
    assert task.name == "mine"


def test_a_task_is_loaded_by_path_relative_to_the_project_or_absolute(project, put, monkeypatch):
    path = put("elsewhere/quiz.py", PLAIN)
    assert load("task", "elsewhere/quiz.py", project=project).name == "mine"
    assert load("task", str(path)).name == "mine"
    monkeypatch.chdir(path.parent)
    assert load("task", "quiz.py").name == "mine"
    assert load("task", "./quiz.py").name == "mine"


def test_a_path_to_nothing_and_an_unknown_name_say_what_there_is(project, put):
    assert "no file" in error_of("task", "no/such.py", project=project).found
    put("tasks/folder/part.py", "x = 1\n")
    assert "without __init__.py" in error_of("task", "tasks/folder", project=project).found
    error = error_of("task", "mlmu", project=project)
    assert (error.wrong, error.fix) == ("no task named 'mlmu'", "did you mean 'mmlu'?")


def test_a_broken_plugin_is_named_with_its_problem_and_others_load(project, put):
    put("tasks/mine.py", PLAIN)
    path = put("tasks/broken.py", "META = {'name': 'broken',\ndef task(): ...\n")
    assert f"{path}:" in error_of("task", "broken", project=project).found
    assert load("task", "mine", project=project).name == "mine"


def test_a_name_that_two_plugins_have_is_refused_and_other_names_load(project, put):
    put("tasks/mine.py", PLAIN)
    put("tasks/mmlu.py", PLAIN.replace('"mine"', '"mmlu"', 1))
    assert error_of("task", "mmlu", project=project).wrong == "two tasks are named 'mmlu'"
    assert load("task", "mine", project=project).name == "mine"


# ---------------------------------------------------------------- modules


def test_dataclasses_and_pickles_of_a_plugin_find_their_module(project, put):
    put(
        "tasks/typed.py",
        "from __future__ import annotations\nimport pickle\nfrom dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        + TASK
        + "@dataclass\nclass Point:\n    x: int\n    kind: ClassVar[str] = ''\n\n"
        "def task():\n    return make(f'at-{pickle.loads(pickle.dumps(Point(3))).x}')\n",
    )
    assert load("task", "tasks/typed.py", project=project).name == "at-3"


def test_a_plugin_may_have_the_name_of_a_module(project, put):
    put("tasks/json.py", "import json\n" + TASK + "def task():\n    return make(json.dumps('x'))\n")
    assert load("task", "tasks/json.py", project=project).name == '"x"'
    import json

    assert hasattr(json, "loads")


def test_two_files_of_one_name_are_two_modules(project, put):
    for folder in ("one", "two"):
        put(f"{folder}/same.py", TASK + "def task():\n    return make(__file__.split('/')[-2])\n")
    assert load("task", "one/same.py", project=project).name == "one"
    assert load("task", "two/same.py", project=project).name == "two"
    assert load("task", "one/same.py", project=project).name == "one"


def test_an_unchanged_plugin_is_executed_once(project, put):
    log = project / "log"
    put("tasks/mine.py", f"open({str(log)!r}, 'a').write('x')\n" + PLAIN)
    load("task", "mine", project=project)
    load("task", "mine", project=project)
    assert log.read_text() == "x"


@pytest.fixture
def bytecode(monkeypatch):
    """Python as it is outside of tests: free to write .pyc files."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.mark.parametrize(("edited", "spec"), [("mine.py", "tasks/mine.py"), ("folded/part.py", "tasks/folded")])
def test_an_edit_within_the_same_second_and_of_the_same_size_is_run(project, put, bytecode, edited, spec):
    text = {"mine.py": TASK + "NAME = 'one'\ndef task():\n    return make(NAME)\n", "folded/part.py": "NAME = 'one'\n"}
    put("tasks/folded/__init__.py", "from .part import NAME\n" + TASK + "def task():\n    return make(NAME)\n")
    path = put(f"tasks/{edited}", text[edited])
    assert load("task", spec, project=project).name == "one"
    stamp = path.stat()
    put(f"tasks/{edited}", text[edited].replace("'one'", "'two'"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert load("task", spec, project=project).name == "two"


def test_a_folder_plugin_imports_its_parts_relatively_and_sees_their_edits(project, put):
    put("tasks/folded/__init__.py", "from .words import NAME\n" + TASK + "def task():\n    return make(NAME)\n")
    put("tasks/folded/words.py", "from . import deeper\nNAME = deeper.NAME\n")
    put("tasks/folded/deeper/__init__.py", "NAME = 'first'\n")
    assert load("task", "tasks/folded", project=project).name == "first"
    put("tasks/folded/deeper/__init__.py", "NAME = 'the second'\n")
    assert load("task", "tasks/folded", project=project).name == "the second"


def test_a_plugin_that_failed_can_be_corrected_and_loaded(project, put):
    put("tasks/mine.py", "raise ValueError('not yet')\n" + PLAIN)
    error_of("task", "tasks/mine.py", project=project)
    put("tasks/mine.py", PLAIN)
    assert load("task", "mine", project=project).name == "mine"


def test_loading_leaves_no_compiled_file_beside_the_plugin(project, put, bytecode):
    put("tasks/mine.py", PLAIN)
    load("task", "mine", project=project)
    assert [path.name for path in (project / "tasks").iterdir()] == ["mine.py"]
    assert not sys.dont_write_bytecode


# ---------------------------------------------------------------- options

OPTIONS = (
    "from typing import Literal, Optional\n"
    + TASK
    + """
def task(
    *,
    text: str = "t",
    number: int = 1,
    proportion: float = 0.5,
    flag: bool = False,
    form: Literal["letter", "text"] = "letter",
    version: Literal[1, 2] = 1,
    maybe: int | None = None,
    old: Optional[str] = None,
):
    return make(repr((text, number, proportion, flag, form, version, maybe, old)))
"""
)
DEFAULT = ("t", 1, 0.5, False, "letter", 1, None, None)


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        ({"text": "a=b,c"}, 0, "a=b,c"),
        ({"number": "-3"}, 1, -3),
        ({"proportion": "1e-3"}, 2, 0.001),
        ({"proportion": "2"}, 2, 2.0),
        ({"flag": "yes"}, 3, True),
        ({"flag": "False"}, 3, False),
        ({"form": "text"}, 4, "text"),
        ({"version": "2"}, 5, 2),
        ({"maybe": "7"}, 6, 7),
        ({"maybe": "none"}, 6, None),
        ({"old": "7"}, 7, "7"),
        ({"old": "none"}, 7, None),
    ],
)
def test_options_become_what_the_parameters_are_annotated_as(project, put, options, place, value):
    put("tasks/mine.py", OPTIONS)
    expected = [*DEFAULT[:place], value, *DEFAULT[place + 1 :]]
    assert load("task", "mine", options, project).name == repr(tuple(expected))


def test_options_may_stand_inline_and_beside(project, put):
    put("tasks/mine.py", OPTIONS)
    assert load("task", "mine,number=2", {"proportion": "0.1"}, project).name == repr(("t", 2, 0.1, *DEFAULT[3:]))
    assert "given twice" in error_of("task", "mine,number=2", {"number": "3"}, project).wrong


@pytest.mark.parametrize(
    ("options", "wrong", "fix"),
    [
        ({"nubmer": "3"}, "the task 'mine' has no option 'nubmer'", "did you mean 'number'? options: text=<str> (t)"),
        ({"zzz": "3"}, "the task 'mine' has no option 'zzz'", "options: text=<str> (t), number=<int> (1)"),
        ({"number": "three"}, "the task 'mine': bad value for the option 'number'", "number=<int>"),
        ({"flag": "perhaps"}, "the task 'mine': bad value for the option 'flag'", "flag=<true|false>"),
        ({"form": "word"}, "the task 'mine': bad value for the option 'form'", "form=<letter|text>"),
        ({"maybe": "x"}, "the task 'mine': bad value for the option 'maybe'", "maybe=<int or none>"),
    ],
)
def test_a_bad_option_is_refused_with_what_would_work(project, put, options, wrong, fix):
    put("tasks/mine.py", OPTIONS)
    error = error_of("task", "mine", options, project)
    assert error.wrong == wrong
    assert error.fix.startswith(fix)


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        ("def task(*, n):", "the parameter 'n' has no type"),
        ("def task(**more: str):", "the parameter '**more: str' cannot be an option"),
        ("def task(*, n: 'Nowhere' = 1):", "the annotations of its parameters cannot be read"),
    ],
)
def test_a_function_whose_parameters_cannot_be_options_is_named_with_its_line(project, put, head, wrong):
    path = put("tasks/mine.py", TASK + f"{head}\n    return make()\n")
    error = error_of("task", "mine", project=project)
    assert wrong in error.wrong
    assert error.at == f"{path}:{len(TASK.splitlines()) + 1}"


def test_an_option_of_a_type_that_no_text_can_be_is_refused(project, put):
    put("tasks/mine.py", TASK + "def task(*, n: list[int] = []):\n    return make()\n")
    assert load("task", "mine", project=project).name == "mine"
    assert "which no option can be" in error_of("task", "mine,n=3", project=project).wrong


def test_a_required_option_is_asked_for(project, put):
    put("tasks/mine.py", TASK + "def task(*, name: str):\n    return make(name)\n")
    error = error_of("task", "mine", project=project)
    assert (error.wrong, error.fix) == ("the task 'mine' needs the option 'name'", "options: name=<str>")
    assert load("task", "mine,name=x", project=project).name == "x"


# ---------------------------------------------------------------- mistakes of a plugin's author


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("META = {'name': 'mine'}\nraise ValueError('no')\ndef task(): ...\n", 2, "ValueError: no"),
        ("META = {'name': 'mine'}\nimport sys\nsys.exit('bye')\ndef task(): ...\n", 3, "SystemExit: bye"),
        ("META = {'name': 'mine'}\nimport no_such_module_x\ndef task(): ...\n", 2, "ModuleNotFoundError"),
        ("META = {'name': 'mine'}\n\ndef deep():\n    {}['k']\n\ndef task():\n    deep()\n", 4, "KeyError: 'k'"),
        ("META = {'name': 'mine'}\ndef task():\n    import json\n    json.loads('{')\n", 4, "JSONDecodeError"),
    ],
)
def test_an_error_in_a_plugin_is_reported_at_its_own_line(project, put, text, line, wrong):
    path = put("tasks/mine.py", text)
    error = error_of("task", "mine", project=project)
    assert error.at == f"{path}:{line}"
    assert error.wrong.startswith(wrong)


def test_a_syntax_error_is_reported_at_its_line(project, put):
    path = put("loose.py", "x = 1\ny = = 2\n")
    error = error_of("task", "loose.py", project=project)
    assert error.at == f"{path}:2"
    assert error.wrong.startswith("SyntaxError")


def test_a_missing_package_is_named(project, put):
    put("loose.py", "import no_such_module_x\n")
    assert "'no_such_module_x'" in error_of("task", "loose.py", project=project).fix


def test_a_mistake_that_the_plugin_itself_reports_comes_through(project, put):
    put("tasks/mine.py", TASK + "from evalkit.core import UsageError\ndef task():\n    raise UsageError('no key')\n")
    assert error_of("task", "mine", project=project).wrong == "no key"


@pytest.mark.parametrize("value", ["None", "{'name': 'x'}", "Task"])
def test_the_wrong_return_type_is_reported_at_the_function(project, put, value):
    path = put("tasks/mine.py", TASK + f"def task():\n    return {value}\n")
    error = error_of("task", "mine", project=project)
    assert error.wrong == "task(...) must return a Task"
    assert error.at == f"{path}:{len(TASK.splitlines()) + 1}"


def test_a_file_without_the_function_says_what_it_needs(project, put):
    put("loose.py", "x = 1\n")
    error = error_of("task", "loose.py", project=project)
    assert error.wrong == "the file has no function task(...)"
    put("loose.py", "task = 3\n")
    assert error_of("task", "loose.py", project=project).wrong == "the file has no function task(...)"


# ---------------------------------------------------------------- judges and reports


def readme_example(kind):
    [text, *_] = re.findall(r"```python\n(.*?)```", (REPOSITORY / f"{kind}s" / "README.md").read_text(), re.DOTALL)
    return text


def test_the_judge_in_the_readme_loads_and_takes_its_option(project, put):
    put("judges/brevity.py", readme_example("judge"))
    assert isinstance(load("judge", "brevity,words=3", project=project), Judge)


def test_the_report_in_the_readme_is_a_function_of_a_run(project, put):
    put("reports/one_line.py", readme_example("report"))

    class Run:
        tasks = ("a", "b")

    assert load("report", "one_line", project=project)(Run()) == "a, b"
    assert load("report", "one_line", {"separator": " / "}, project)(Run()) == "a / b"
    assert "no option 'run'" in error_of("report", "one_line,run=x", project=project).wrong


def test_the_type_of_what_is_reported_on_need_not_be_imported(project, put):
    text = "from __future__ import annotations\nMETA = {'name': 'typed'}\n"
    put("reports/typed.py", text + "def report(run: Run, /, *, n: int = 1) -> str:\n    return 'x' * n\n")
    assert load("report", "typed,n=3", project=project)(object()) == "xxx"


def test_the_task_in_the_readme_loads(project, put):
    put("tasks/capitals.py", readme_example("task"))
    assert load("task", "capitals,max_tokens=4", project=project).method.settings["max_tokens"] == "4"


def test_a_report_that_returns_no_text_is_refused_when_it_is_written(project, put):
    put("reports/bad.py", "META = {'name': 'bad'}\ndef report(run, /):\n    return 3\n")
    write = load("report", "bad", project=project)
    with pytest.raises(UsageError, match="must return a str"):
        write(object())


def test_a_report_in_yaml_is_refused(project, put):
    put("reports/x.yaml", "name: x\n")
    assert error_of("report", "reports/x.yaml", project=project).wrong == "a report is written in Python, not YAML"


def test_a_judge_in_yaml_without_criteria_is_refused_with_its_line(project, put):
    put("judges/x.yaml", "name: x\n")
    assert "criteria" in error_of("judge", "judges/x.yaml", project=project).wrong


# ---------------------------------------------------------------- origins


def test_an_origin_names_what_would_be_loaded_without_running_it(project, put):
    path = put("tasks/mine.py", "raise SystemExit('executed')\n" + PLAIN)
    found = origin("task", "tasks/mine.py,b=2", {"a": "1"}, project)
    assert (found.kind, found.name, found.options, found.path) == ("task", "mine", {"a": "1", "b": "2"}, path)
    assert len(found.digest) == 16


def test_an_origin_crosses_to_another_process_and_is_loaded_there(project, put):
    put("tasks/mine.py", OPTIONS)
    found = origin("task", "mine,number=5", project=project)
    code = "import pickle, sys; from evalkit.plugins import reload; print(reload(pickle.load(sys.stdin.buffer)).name)"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(found), capture_output=True, cwd=REPOSITORY)
    assert done.stdout.decode().strip() == repr(("t", 5, *DEFAULT[2:])), done.stderr.decode()


def test_a_source_that_changed_is_not_reloaded(project, put):
    path = put("tasks/mine.py", PLAIN)
    found = origin("task", "mine", project=project)
    path.write_text(PLAIN + "\n")
    with pytest.raises(UsageError, match="changed after the run began"):
        reload(found)
    path.unlink()
    with pytest.raises(UsageError, match="changed after the run began"):
        reload(found)


def test_the_digest_of_a_folder_covers_its_files_but_not_compiled_ones(project, put):
    put("tasks/folded/__init__.py", PLAIN)
    note = put("tasks/folded/prompts/question.txt", "Why?")

    def digest() -> str:
        found = origin("task", "tasks/folded", project=project)
        assert isinstance(found, Origin)
        return found.digest

    first = digest()
    put("tasks/folded/__pycache__/x.pyc", "compiled")
    assert digest() == first
    note.write_bytes(b"Why\xff")
    second = digest()
    assert second != first
    note.rename(note.with_name("answer.txt"))
    assert digest() not in (first, second)
