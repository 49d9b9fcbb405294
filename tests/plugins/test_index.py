import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalkit.core import UsageError
from evalkit.core.paths import cache_dir
from evalkit.plugins import index, meta

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT_IN = ["cnn_dailymail", "mmlu", "perplexity", "squad", "wikitext", "xsum"]


def plugin(name, body="", summary="a task"):
    return f"META = {{'name': {name!r}, 'summary': {summary!r}, 'tags': ['t']}}\n{body}\ndef task():\n    ...\n"


def own(project, kind="task"):
    return [entry for entry in index(kind, project) if entry.origin != "built-in"]


def test_built_in_tasks_are_listed_with_what_their_files_say(project):
    entries = {entry.name: entry for entry in index("task", project)}
    assert [name for name in entries if name in BUILT_IN] == BUILT_IN
    mmlu = entries["mmlu"]
    assert (mmlu.origin, mmlu.problem) == ("built-in", "")
    assert "knowledge" in mmlu.tags
    assert len(mmlu.variants) == 57


def test_a_project_adds_its_own_and_none_of_it_is_run(project, put):
    path = put("tasks/mine.py", plugin("mine", "raise SystemExit('executed')"))
    [entry] = own(project)
    assert entry.name == "mine"
    assert entry.summary == "a task"
    assert entry.tags == ("t",)
    assert entry.path == path
    assert entry.origin == "project"
    assert entry.problem == ""


def test_a_folder_with_an_init_is_a_plugin_and_one_without_is_not(project, put):
    put("tasks/folded/__init__.py", plugin("folded"))
    put("tasks/notes/readme.txt", "no plugin")
    assert [entry.name for entry in own(project)] == ["folded"]
    assert own(project)[0].path == project / "tasks" / "folded"


def test_a_yaml_file_is_a_task_or_a_judge_and_is_called_as_its_file_where_it_has_no_name(project, put):
    put("tasks/quiz.yaml", "summary: a\n  quiz\ntags: [x, y]\nprompt: '{{ q }}'\n")
    [entry] = own(project)
    assert (entry.name, entry.summary, entry.tags) == ("quiz", "a quiz", ("x", "y"))
    put("judges/strict.yaml", "summary: a rubric\n")
    put("reports/table.yaml", "summary: no report\n")
    assert [entry.name for entry in own(project, "judge")] == ["strict"]
    assert own(project, "report") == []


def test_modules_that_are_no_plugins_and_private_files_are_left_alone(project, put):
    put("tasks/emails.py", "import smtplib\n\ndef send():\n    ...\n")
    put("tasks/_shared.py", plugin("shared"))
    put("tasks/.hidden.py", plugin("hidden"))
    assert own(project) == []


def test_judges_and_reports_are_found_in_their_own_folders(project, put):
    put("judges/strict.py", "META = {'name': 'strict'}\ndef judge(): ...\n")
    put("reports/table.py", "META = {'name': 'table'}\ndef report(run, /): ...\n")
    assert [entry.name for entry in own(project, "judge")] == ["strict"]
    assert [entry.name for entry in own(project, "report")] == ["table"]
    assert own(project, "task") == []


def test_two_plugins_of_one_name_are_an_error_that_names_both(project, put):
    put("tasks/one.py", plugin("mmlu"))
    with pytest.raises(UsageError, match="two tasks are named 'mmlu'") as caught:
        index("task", project)
    assert str(REPOSITORY / "tasks" / "mmlu.py") + " (built-in)" in caught.value.found
    assert str(project / "tasks" / "one.py") + " (project)" in caught.value.found


def test_run_from_the_checkout_itself_no_plugin_is_its_own_double():
    names = [entry.name for entry in index("task", REPOSITORY)]
    assert set(BUILT_IN) <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("META = {'name': 'x'\n\ndef task(): ...\n", 1, "not readable as Python"),
        ("import os\nMETA = {\n    'name': 'x',\n    'summary': os.name,\n}\ndef task(): ...\n", 4, "not a literal"),
        ("META = dict(name='x')\ndef task(): ...\n", 1, "not a literal"),
        ("\nMETA = {'summary': 'x'}\ndef task(): ...\n", 2, "META has no name"),
        ("META = {'name': 'a,b'}\ndef task(): ...\n", 1, "the name 'a,b' may hold"),
        ("META = ['x']\ndef task(): ...\n", 1, "META is a list, not a dict"),
        ("META = {'name': 'x', 'tags': 'one'}\ndef task(): ...\n", 1, "tags must be a list of texts"),
        ("META = {'name': 'x', 'summary': 3}\ndef task(): ...\n", 1, "summary is a int, not a text"),
        ("META = {'name': 'x'}\n", 1, "META without a function task"),
        ("x = 1\ndef task(): ...\n", 1, "no META"),
        ("x = '\0'\n", 1, "not readable as Python"),
    ],
)
def test_a_broken_meta_is_a_problem_with_file_and_line_and_stops_no_other(project, put, text, line, why):
    put("tasks/good.py", plugin("good"))
    path = put("tasks/bad.py", text)
    found = {entry.path.name: entry for entry in own(project)}
    assert found["good.py"].problem == ""
    assert found["bad.py"].problem.startswith(f"{path}:{line}: ")
    assert why in found["bad.py"].problem


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("name: x\nprompt: {{ q }}\n", 2, "a key must be a text"),
        ("name: x\n  summary: y\n", 2, "malformed YAML"),
        ("- one\n- two\n", 1, "must be a mapping"),
        ("name: x\nsummary: s\ntags: {a: b}\n", 3, "must be a text"),
        ("", 1, "the file is empty"),
    ],
)
def test_a_broken_yaml_file_is_a_problem_with_file_and_line(project, put, text, line, why):
    path = put("tasks/bad.yaml", text)
    [entry] = own(project)
    assert entry.name == "bad"
    assert entry.problem.startswith(f"{path}:{line}: ")
    assert why in entry.problem


def test_variants_by_category_are_listed_one_after_another(project, put):
    put("tasks/v.py", "META = {'name': 'v', 'variants': {'a': ['x', 'y'], 'b': ['z']}}\ndef task(): ...\n")
    assert own(project)[0].variants == ("x", "y", "z")


# ---------------------------------------------------------------- what is remembered


def test_a_second_listing_parses_nothing(project, put, monkeypatch):
    put("tasks/mine.py", plugin("mine"))
    put("tasks/none.py", "x = 1\n")
    first = index("task", project)

    def refuse(*arguments):
        raise AssertionError("parsed again")

    monkeypatch.setattr(meta, "read", refuse)
    assert index("task", project) == first


def test_an_edit_is_seen_although_the_size_is_the_same(project, put):
    path = put("tasks/mine.py", plugin("one"))
    assert own(project)[0].name == "one"
    before = path.stat()
    put("tasks/mine.py", plugin("two"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert path.stat().st_size == before.st_size
    assert own(project)[0].name == "two"


def stored() -> Path:
    return cache_dir() / "plugins" / "task.json"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 999, "files": {}}', b"\xff\xfe", b'{"format": 1, "files": []}'],
)
def test_a_damaged_cache_is_read_past_and_written_anew(project, put, content):
    put("tasks/mine.py", plugin("mine"))
    expected = index("task", project)
    stored().write_bytes(content)
    assert index("task", project) == expected
    assert json.loads(stored().read_bytes())["files"]


@pytest.mark.parametrize(
    "damage",
    [
        {"name": 7},
        {"tags": "t"},
        {"variants": [1]},
        {"name": None, "extra": 1},
    ],
)
def test_a_damaged_part_of_the_cache_is_read_anew(project, put, damage):
    path = put("tasks/mine.py", plugin("mine"))
    expected = index("task", project)
    content = json.loads(stored().read_bytes())
    content["files"][str(path)]["meta"].update(damage)
    stored().write_text(json.dumps(content))
    assert index("task", project) == expected


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(project, put):
    put("tasks/mine.py", plugin("mine"))
    (cache_dir() / "plugins").write_text("a file where the folder should be")
    assert [entry.name for entry in own(project)] == ["mine"]
    assert not list(cache_dir().glob("*.json*"))


# ---------------------------------------------------------------- other distributions


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution `acme` with an entry point, without a file of it having been imported."""

    def install(entry_point: str, **files: str) -> Path:
        site = tmp_path / "site"
        info = site / "acme-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[evalkit.packs]\nmine = {entry_point}\n")
        for name, text in files.items():
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(str(site))
        return site

    return install


BOOM = "raise RuntimeError('imported')\n"


def test_an_installed_pack_is_listed_under_its_distribution_and_not_imported(project, installed):
    site = installed("acme_pack", **{"acme_pack/__init__.py": BOOM, "acme_pack/tasks/far.py": plugin("far", BOOM)})
    [entry] = own(project)
    assert (entry.name, entry.origin) == ("far", "acme")
    assert entry.path == site / "acme_pack" / "tasks" / "far.py"
    assert "acme_pack" not in sys.modules


def test_a_pack_within_a_package_is_found_without_importing_the_outer_one(project, installed):
    files = {"acme_outer/__init__.py": BOOM, "acme_outer/inner/__init__.py": BOOM}
    installed("acme_outer.inner", **files, **{"acme_outer/inner/tasks/far.py": plugin("far")})
    assert [entry.name for entry in own(project)] == ["far"]
    assert not [name for name in sys.modules if name.startswith("acme_outer")]


def test_an_entry_point_to_nothing_is_a_problem_and_stops_no_other(project, put, installed):
    put("tasks/other.py", plugin("other"))
    installed("acme_gone.packs")
    assert {entry.name: entry.problem for entry in own(project)} == {
        "other": "",
        "mine": "entry point 'mine' of acme: no package 'acme_gone.packs' with pack folders",
    }


def test_an_installed_plugin_clashes_with_a_built_in_one(project, installed):
    installed("acme_pack", **{"acme_pack/__init__.py": "", "acme_pack/tasks/m.py": plugin("mmlu")})
    with pytest.raises(UsageError) as caught:
        index("task", project)
    assert "(built-in)" in caught.value.found
    assert "(acme)" in caught.value.found


# ---------------------------------------------------------------- what it costs


def test_listing_imports_nothing_heavy(project):
    # The first listing of all reads the tasks that are YAML files, and remembers what they say.
    index("task", project)
    code = (
        "import sys; from pathlib import Path; from evalkit.plugins import index; "
        f"assert index('task', Path({str(project)!r})); "
        "heavy = {'torch', 'numpy', 'pandas', 'datasets', 'jinja2', 'yaml', 'evalkit.scoring.scorers'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_remembered_listing_of_300_plugins_takes_a_fraction_of_a_second(project, put):
    for number in range(300):
        put(f"tasks/t{number:03}.py", plugin(f"t{number:03}"))
    index("task", project)
    begun = time.process_time()
    assert len(own(project)) == 300
    assert time.process_time() - begun < 0.5
