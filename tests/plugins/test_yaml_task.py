import json

import pytest

from evalkit.core import DataOptions, Task, UsageError
from evalkit.plugins import load
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream

ROWS = [
    {"question": "Capital of Peru?", "answer": "Lima", "options": ["Quito", "Lima"], "right": 1},
    {"question": "Capital of Kenya?", "answer": "Nairobi", "options": ["Nairobi", "Lima"], "right": 0},
    {"question": "Capital of Norway?", "answer": "Oslo", "options": ["Bergen", "Oslo"], "right": 1},
]
HEAD = 'data: rows.jsonl\nprompt: "{{ question }}"\n'


@pytest.fixture
def made(put):
    """Load a task file over rows: `made(text, rows)` gives the Task."""

    def make(text: str, rows=ROWS) -> Task:
        put("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        found = load("task", str(put("quiz.yaml", text)))
        assert isinstance(found, Task)
        return found

    return make


def samples(task):
    return [task.sample(row) for row in task.data[0].rows.open(DataOptions()).rows()]


def prompts(task, seed=1):
    options = DataOptions()
    renderer = PromptRenderer(
        task.name, task.prompt, task.fewshot, task.data[0], task.sample, options, seed, lm_eval_stream()
    )
    return [renderer.render(sample).text for sample in samples(task)]


# ---------------------------------------------------------------- what a file means


def test_the_shortest_task_generates_and_matches_exactly(made):
    task = made(HEAD + "answer: answer\n")
    assert (task.name, task.version, task.method.name) == ("quiz", 1, "generate")
    assert [scorer.name for scorer in task.scorers] == ["exact_match"]
    first = samples(task)[0]
    assert (first.id, first.input, first.targets, first.choices) == ("rows/0", "Capital of Peru?", ("Lima",), ())
    assert first.data == ROWS[0]


def test_choices_make_it_a_choice_scored_by_accuracy(made):
    task = made(HEAD + "choices: options\ngold: right\n")
    assert task.method.name == "choose"
    assert [scorer.name for scorer in task.scorers] == ["accuracy"]
    first = samples(task)[0]
    assert (first.choices, first.gold, first.targets) == (("Quito", "Lima"), (1,), ("Lima",))


def test_a_block_ends_with_its_last_letter_and_a_description_with_its_blank_line(made):
    task = made(
        "data: rows.jsonl\nprompt: |\n  Question: {{ question }}\n  Answer:\nanswer: answer\n"
        'description: "Capitals.\\n\\n"\nfewshot: {k: 1, order: first}\n'
    )
    assert prompts(task)[1] == (
        "Capitals.\n\nQuestion: Capital of Peru?\nAnswer: Lima\n\nQuestion: Capital of Kenya?\nAnswer:"
    )


def test_delimiter_and_separator_stand_between_examples_and_before_choices(made):
    task = made(
        HEAD + 'choices: options\ngold: right\ndelimiter: " -> "\nseparator: "; "\nfewshot: {k: 1, order: first}\n'
    )
    assert prompts(task)[2] == "Capital of Peru? -> Lima; Capital of Norway?"
    assert task.method.settings == {"delimiter": " -> "}


def test_examples_come_from_their_own_file(made, put):
    put("dev.jsonl", json.dumps({**ROWS[0], "question": "Capital of Chad?", "answer": "N'Djamena"}) + "\n")
    task = made(HEAD + "examples: dev.jsonl\nanswer: answer\nfewshot: 1\n")
    assert {prompt.partition("\n\n")[0] for prompt in prompts(task)} == {"Capital of Chad? N'Djamena"}


def test_listed_choices_are_templates_and_yes_and_no_stay_words(made):
    task = made(HEAD + "choices: [yes, no, '{{ answer }}', 10]\ngold: '{{ answer }}'\n")
    assert samples(task)[0].choices == ("yes", "no", "Lima", "10")
    assert samples(task)[0].gold == (2,)


def test_a_template_may_give_the_list_of_choices(made):
    rows = [{"question": "?", "by_letter": {"a": "x", "b": "y"}, "right": "y"}]
    task = made(HEAD + 'choices: "{{ by_letter.values() }}"\ngold: right\n', rows)
    assert samples(task)[0].choices == ("x", "y")
    assert samples(task)[0].gold == (1,)


def test_the_prompt_sees_the_sample_and_a_column_with_an_odd_name(made):
    rows = [{"the question": "1 + 1", "options": ["1", "2"], "right": "B"}]
    text = "data: rows.jsonl\nprompt: \"{{ row['the question'] }} {{ sample.choices | join('/') }}\"\n"
    assert samples(made(text + "choices: options\ngold: right\n", rows))[0].input == "1 + 1 1/2"


def test_a_column_is_never_hidden_by_a_name_of_evalkits(made):
    rows = [{"row": "R", "sample": "S", "answer": "x"}]
    task = made('data: rows.jsonl\nprompt: "{{ row }}{{ sample }}"\nanswer: answer\ngroups: row\n', rows)
    assert samples(task)[0].input == "RS"
    assert samples(task)[0].groups == ("R",)


def test_several_right_texts_and_several_right_choices(made):
    rows = [{"question": "?", "answers": ["a", "b"], "options": ["x", "y", "z"], "right": [0, "C"]}]
    assert samples(made(HEAD + "answer: answers\n", rows))[0].targets == ("a", "b")
    several = samples(made(HEAD + "choices: options\ngold: right\n", rows))[0]
    assert (several.gold, several.targets) == ((0, 2), ("x", "z"))


def test_target_is_another_word_for_answer(made):
    assert samples(made(HEAD + 'target: "{{ options[right] }}"\n'))[0].targets == ("Lima",)


def test_id_groups_and_cluster_come_from_the_row(made):
    task = made(HEAD + "answer: answer\nid: 'q-{{ right }}-{{ answer }}'\ngroups: [answer, 'all']\ncluster: right\n")
    assert samples(made(HEAD + "answer: answer\ngroups: ['{{ right }}', answer]\n"))[0].groups == ("1", "Lima")
    with pytest.raises(UsageError, match="column 'all' does not exist"):
        samples(task)


def test_generation_settings_are_the_methods(made):
    task = made(HEAD + 'answer: answer\nstop: ["\\n", "."]\nmax_tokens: 7\n')
    assert task.method.settings == {"sampling": "greedy", "max_tokens": "7", "stop": repr(("\n", "."))}
    sampled = made(HEAD + "answer: answer\nmethod:\n  generate: {temperature: 1, n: 4, top_p: 0.9}\n")
    assert sampled.method.settings["sampling"] == "t=1,top_p=0.9,n=4"


def test_perplexity_takes_the_prompt_as_the_text(made):
    task = made('data: rows.jsonl\nmethod: perplexity\nprompt: "{{ question }}"\nmetrics: [bits_per_byte]\n')
    assert (task.method.name, task.scorers[0].name) == ("rolling", "rolling")
    assert [metric.name for metric in task.metrics] == ["bits_per_byte"]
    assert prompts(task)[0] == "Capital of Peru?"


def test_scorers_with_settings_and_metrics_by_the_name_of_a_score(made):
    task = made(
        HEAD
        + "answer: answer\nscorers:\n  - exact_match: {ignore_case: true, ignore: ['\\.$']}\n  - squad\n"
        + "metrics: [f1, {mean: {score: exact_match}}]\nprimary_metric: f1\n"
    )
    assert [scorer.name for scorer in task.scorers] == ["exact_match", "squad"]
    assert task.scorers[0].settings != {}
    assert [metric.name for metric in task.metrics] == ["f1", "exact_match"]
    assert task.primary_metric == "f1"


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        ("rows.jsonl", {"path": "rows.jsonl"}),
        ("row*.jsonl", {"path": "row*.jsonl"}),
        ("{files: rows.jsonl}", {"path": "rows.jsonl"}),
        ("{bundled: qa}", {"bundled": "qa"}),
    ],
)
def test_data_is_a_path_a_glob_or_a_sample_that_ships(made, data, facts):
    task = made(f'data: {data}\nprompt: "{{{{ question }}}}"\nanswer: question\n')
    assert facts.items() <= dict(task.data[0].rows.open(DataOptions()).facts).items()


def test_data_from_the_hub_comes_through_the_mirror(made, tmp_path):
    folder = tmp_path / "mirror" / "me" / "quiz" / "hard"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text('{"question": "Q", "answer": "A"}\n')
    task = made('data: {hub: me/quiz, config: hard, split: test}\nprompt: "{{ question }}"\nanswer: answer\n')
    opened = task.data[0].rows.open(DataOptions(mirror=tmp_path / "mirror", offline=True))
    assert [task.sample(row).targets for row in opened.rows()] == [("A",)]


def test_a_yaml_task_takes_no_options(made, project):
    made(HEAD + "answer: answer\n")
    with pytest.raises(UsageError, match="takes no options"):
        load("task", "quiz.yaml,k=3", project=project)


# ---------------------------------------------------------------- mistakes in the file

BLOCK = "data: rows.jsonl\nprompt: |\n  one\n  {{ question\n  three\nanswer: answer\n"


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("data: rows.jsonl\nprompt: [a\n", 3, "malformed YAML"),
        ("data: rows.jsonl\n\tprompt: x\n", 2, "malformed YAML"),
        ("data: a: b\n", 1, "malformed YAML"),
        (HEAD + "answr: answer\n", 3, "unknown key 'answr'"),
        (HEAD + "answer: answer\ndata: other.jsonl\n", 4, "the key 'data' occurs twice"),
        (HEAD + "answer: answer\nfewshot:\n  k: 1\n  oder: first\n", 6, "unknown key 'oder' in 'fewshot'"),
        (HEAD + "answer: answer\nfewshot: {k: 1, k: 2}\n", 4, "the key 'k' occurs twice"),
        (HEAD + "answer: answer\nfewshot: many\n", 4, "fewshot: this must be a whole number"),
        (HEAD + "answer: answer\nfewshot: -1\n", 4, "this must be a whole number of at least 0"),
        (HEAD + "answer: answer\nfewshot: true\n", 4, "this must be a whole number"),
        (HEAD + "answer: answer\nfewshot: {k: 1, order: last}\n", 4, "order: unknown order"),
        (HEAD + "answer: answer\nmax_tokens: 0\n", 4, "max_tokens: this must be a whole number of at least 1"),
        (HEAD + "answer: answer\nmax_tokens: 1.5\n", 4, "max_tokens: this must be a whole number"),
        (HEAD + "answer: answer\nversion: one\n", 4, "version: this must be a whole number"),
        (HEAD + "answer: [a, b]\n", 3, "answer: this must be a text"),
        (HEAD + "answer:\n", 3, "answer: this must be a text"),
        (HEAD + "answer: answer\nname: 'a b'\n", 4, "the name 'a b' may hold"),
        ("prompt: x\n", 1, "the task has no 'data'"),
        ("data: rows.jsonl\nanswer: answer\n", 1, "the task has no 'prompt'"),
        ("data: rows.jsonl\nprompt: question\nanswer: answer\n", 2, "prompt: the template shows no column"),
        (BLOCK, 5, "prompt: the template is malformed"),
        (HEAD + "answer: '{{ a | nofilter }}'\n", 3, "answer: the template is malformed"),
        (HEAD + "answer: '{% for x in y %}'\n", 3, "answer: the template is malformed"),
        (HEAD + "choices: options\n", 3, "choices: the right choice is missing"),
        (HEAD + "gold: right\n", 3, "gold: the task has no choices"),
        (HEAD + "choices: [only]\ngold: right\n", 3, "choices: a list of choices needs two or more"),
        (HEAD, 2, "the task has no 'answer'"),
        (HEAD + "answer: a\ntarget: b\n", 4, "target: target and answer mean the same"),
        (HEAD + "answer: answer\nmethod: chose\n", 4, "no method named 'chose'"),
        (HEAD + "answer: answer\nmethod: choose\n", 4, "method: the task has no choices"),
        (
            HEAD + "answer: answer\nmethod:\n  generate:\n    temprature: 1\n",
            6,
            "no setting of method 'generate' named",
        ),
        (
            HEAD + "answer: answer\nmethod:\n  generate:\n    temperature: hot\n",
            6,
            "temperature: this must be a number",
        ),
        (HEAD + "answer: answer\nmethod: {generate: {n: 4}}\n", 4, "4 greedy samples would all be the same"),
        (HEAD + "answer: answer\nmethod: {generate: {}, choose: {}}\n", 4, "method: write one name with its settings"),
        (HEAD + "choices: options\ngold: right\nstop: x\n", 5, "stop: the method 'choose' writes no text"),
        (HEAD + "answer: a\nstop: x\nmethod: {generate: {stop: y}}\n", 4, "stop: this is also set in method"),
        (HEAD + "answer: answer\nscorers: [exact_macth]\n", 4, "no scorer named 'exact_macth'"),
        (HEAD + "answer: answer\nscorers:\n - squad\n - exact_match: {ignorecase: true}\n", 6, "no setting of scorer"),
        (HEAD + "answer: answer\nscorers: [{exact_match: {ignore_case: 3}}]\n", 4, "setting 'ignore_case' of scorer"),
        (HEAD + "answer: answer\nmetrics: [exact]\n", 4, "no metric named 'exact'"),
        (HEAD + "answer: answer\nprimary_metric: f1\n", 4, "no metric of this task named 'f1'"),
        (HEAD + "fewshot: 2\nmethod: perplexity\n", 3, "fewshot: few-shot examples need an answer to show"),
        ("data: {hub: a/b}\nprompt: '{{ q }}'\nanswer: a\n", 1, "data: data from the hub needs a split"),
        ("data: {split: test}\nprompt: '{{ q }}'\nanswer: a\n", 1, "data: this must be a path, or have one of hub"),
        ("data: {files: a, split: b}\nprompt: '{{ q }}'\nanswer: a\n", 1, "split: only data from the hub has this"),
        (
            "data: {hub: a, files: b}\nprompt: '{{ q }}'\nanswer: a\n",
            1,
            "data: this must be a path, or have one of hub",
        ),
        (HEAD + "answer: !!python/object/apply:os.system [id]\n", 3, "the tag"),
        (HEAD + "answer: !mine x\n", 3, "the tag '!mine' is not allowed"),
        (HEAD + "answer: &a answer\nid: *a\n", 3, "anchors and aliases are not allowed"),
        (HEAD + "? [a, b]\n: c\n", 3, "a key must be a text"),
    ],
)
def test_a_mistake_is_reported_with_its_file_and_line(put, text, line, wrong):
    path = put("quiz.yaml", text)
    with pytest.raises(UsageError) as caught:
        load("task", str(path))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert wrong in str(caught.value)


def test_nesting_that_would_end_the_process_is_refused(put):
    path = put("quiz.yaml", "a:\n  " + "[" * 300_000)
    with pytest.raises(UsageError, match="nested too deeply") as caught:
        load("task", str(path))
    assert caught.value.at == f"{path}:2"


def test_a_misspelt_key_is_answered_with_the_right_one(put):
    path = put("quiz.yaml", HEAD + "answr: answer\n")
    with pytest.raises(UsageError) as caught:
        load("task", str(path))
    assert caught.value.fix == "did you mean 'answer'?"


def test_a_file_that_is_not_utf_8_is_refused(put):
    path = put("quiz.yaml", "")
    path.write_bytes(b"data: \xff\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        load("task", str(path))


# ---------------------------------------------------------------- mistakes that a row shows


def problem(made, text, row):
    task = made(text, [row])
    with pytest.raises(UsageError) as caught:
        samples(task)
    return caught.value


def test_a_missing_column_names_those_there_are_and_the_row(made, project):
    error = problem(made, 'data: rows.jsonl\nprompt: "{{ qestion }}"\nanswer: answer\n', ROWS[0])
    assert error.at == f"{project / 'quiz.yaml'}:2"
    assert error.wrong == "prompt: column 'qestion' does not exist"
    assert error.found.startswith("the columns question, answer, options, right at ")
    assert error.found.endswith("rows.jsonl:1")
    assert error.fix == "did you mean 'question'?"


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("answer: anser", "answer: column 'anser' does not exist"),
        ("answer: '{{ anser }}'", "answer: column 'anser' does not exist"),
        ("answer: 'x{{ anser }}'", "answer: column 'anser' does not exist"),
        ("answer: \"{{ row['anser'] }}\"", "answer: column 'anser' is missing"),
        ("answer: '{{ right.x }}'", "answer: there is no 'x' in a value of type int"),
        ("answer: '{{ right / 0 }}'", "answer: the template cannot be rendered"),
        ("answer: nothing", "answer: the value must be a text or a list of texts"),
        ("answer: 'x{{ nothing }}'", "answer: the template cannot be rendered"),
        ("answer: deep", "answer: the value must be a text or a list of texts"),
        ("answer: answer\nid: nothing", "id: the template cannot be rendered"),
        ("answer: '{{ options.append(1) }}'", "answer: the template uses something that templates may not use"),
        ("answer: \"{{ ''.__class__.__mro__ }}\"", "answer: the template uses something that templates may not use"),
        ("answer: \"x{{ ''.__class__.__mro__ }}\"", "answer: the template uses something that templates may not use"),
    ],
)
def test_a_row_that_does_not_fit_is_reported_with_the_key_and_its_line(made, project, key, wrong):
    row = {**ROWS[0], "nothing": None, "deep": [["x"]]}
    error = problem(made, HEAD + key + "\n", row)
    assert error.wrong == wrong
    assert error.at == f"{project / 'quiz.yaml'}:{3 + key.count(chr(10))}"
    assert "rows.jsonl:1" in error.found or "may not" in wrong


@pytest.mark.parametrize(
    ("options", "right", "gold"),
    [
        (["x", "y"], 1, 1),
        (["x", "y"], "1", 1),
        (["x", "y"], "y", 1),
        (["x", "y"], "B", 1),
        (["x", "y"], " A ", 0),
        (["B", "A"], "A", 1),
        (["1", "2"], "2", 1),
        ([0, 1], 1, 1),
        (["x", "x", "y"], 2, 2),
    ],
)
def test_gold_is_an_index_a_letter_or_the_choice(made, options, right, gold):
    row = {"question": "?", "options": options, "right": right}
    assert samples(made(HEAD + "choices: options\ngold: right\n", [row]))[0].gold == (gold,)


@pytest.mark.parametrize(
    ("options", "right", "wrong"),
    [
        (["x", "y"], 2, "the gold is none of the choices"),
        (["x", "y"], -1, "the gold is none of the choices"),
        (["x", "y"], "C", "the gold is none of the choices"),
        (["x", "y"], "b", "the gold is none of the choices"),
        (["x", "y"], True, "the gold is none of the choices"),
        (["x", "y"], None, "the gold is none of the choices"),
        (["x", "y"], 1.0, "the gold is none of the choices"),
        (["x", "x"], "x", "the gold text is several of the choices"),
        ([1, 2, 3], 1, "the gold number could be an index or a choice's text"),
        (["x"], 0, "a sample needs at least two choices"),
        ("text", 0, "a sample needs at least two choices"),
        (["x", "y"], [], "a sample needs a right choice"),
    ],
)
def test_gold_that_could_be_wrong_is_refused(made, options, right, wrong):
    row = {"question": "?", "options": options, "right": right}
    error = problem(made, HEAD + "choices: options\ngold: right\n", row)
    assert error.wrong.partition(": ")[2] == wrong
    assert "rows.jsonl:1" in error.found


def test_a_template_cannot_loop_for_ever(made):
    error = problem(made, HEAD + "answer: '{% for i in range(100000000) %}x{% endfor %}'\n", ROWS[0])
    assert (error.wrong, error.fix) == ("answer: the range is too long", "at most 100,000")
    assert "100,000,000" in error.found
