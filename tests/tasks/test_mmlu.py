import pytest

from evalkit.core import UsageError
from evalkit.plugins import index

ANATOMY = "The following are multiple choice questions (with answers) about anatomy.\n\n"
FIRST = (
    "A lesion causing compression of the facial nerve at the stylomastoid foramen will cause ipsilateral\n"
    "A. paralysis of the facial muscles.\n"
    "B. paralysis of the facial muscles and loss of taste.\n"
    "C. paralysis of the facial muscles, loss of taste and lacrimation.\n"
    "D. paralysis of the facial muscles, loss of taste, lacrimation and decreased salivation.\n"
    "Answer:"
)
FIRST_OF_DEV = (
    "What is the embryological origin of the hyoid bone?\n"
    "A. The first pharyngeal arch\n"
    "B. The first and second pharyngeal arches\n"
    "C. The second pharyngeal arch\n"
    "D. The second and third pharyngeal arches\n"
    "Answer: D\n\n"
)


@pytest.mark.shared_data
def test_the_prompt_without_examples_byte_for_byte(on_real_rows):
    assert next(on_real_rows("mmlu,subject=anatomy").prompts()) == ANATOMY + FIRST


@pytest.mark.shared_data
def test_the_prompt_with_one_example_byte_for_byte(on_real_rows):
    assert next(on_real_rows("mmlu,subject=anatomy").prompts(shots=1)) == ANATOMY + FIRST_OF_DEV + FIRST


@pytest.mark.shared_data
def test_a_question_is_stripped_and_a_subject_has_blanks(on_real_rows):
    mmlu = on_real_rows("mmlu,subject=formal_logic")
    tenth = mmlu.rows(mmlu.task.data[0])[9]
    assert tenth.values["question"].startswith(" Which of the given formulas")
    assert list(mmlu.prompts())[9].startswith(
        "The following are multiple choice questions (with answers) about formal logic.\n\n"
        "Which of the given formulas of PL is the best symbolization of the following sentence?\n"
        "Everybody loves Raymond, or not.\nA. "
    )


@pytest.mark.shared_data
def test_all_57_subjects_are_asked_once_each(on_real_rows):
    mmlu = on_real_rows("mmlu")
    samples = mmlu.samples()
    assert len(mmlu.task.data) == 57
    assert len(samples) == 14_042
    assert len({sample.id for sample in samples}) == 14_042
    assert all(sample.choices == ("A", "B", "C", "D") for sample in samples)
    assert [len({s.gold[0] for s in mmlu.samples(i)}) for i in range(57)] == [4] * 57


@pytest.mark.shared_data
@pytest.mark.parametrize("shots", [0, 5])
def test_every_prompt_is_the_one_of_lm_eval(on_real_rows, lm_eval_tasks, shots):
    import jinja2
    import yaml

    folder = lm_eval_tasks / "mmlu" / "default"
    common = yaml.safe_load((folder / "_default_template_yaml").read_text())
    assert common["fewshot_config"]["sampler"] == "first_n"
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    question = environment.from_string(common["doc_to_text"])
    letters = common["doc_to_choice"]
    mmlu = on_real_rows("mmlu")
    for number, part in enumerate(mmlu.task.data):
        own = yaml.safe_load((folder / f"mmlu_{part.groups[1]}.yaml").read_text())
        dev = [row.values for row in part.examples.open(mmlu.options).rows()]
        examples = "".join(f"{question.render(row)} {letters[row['answer']]}\n\n" for row in dev[:shots])
        expected = [own["description"] + examples + question.render(row.values) for row in mmlu.rows(part)]
        assert list(mmlu.prompts(number, shots=shots)) == expected


# The paper's own counts (Hendrycks et al., 2021, appendix): subjects by category.
def test_the_categories_are_the_papers(built_in):
    categories = [part.groups[0] for part in built_in("mmlu").task.data]
    counts = {name: categories.count(name) for name in categories}
    assert counts == {"STEM": 18, "humanities": 13, "social sciences": 12, "other": 14}


def test_subjects_are_in_the_order_of_their_names_and_those_that_are_listed(built_in):
    subjects = [part.groups[1] for part in built_in("mmlu").task.data]
    listed = next(entry.variants for entry in index("task") if entry.name == "mmlu")
    assert subjects == sorted(listed)


@pytest.mark.parametrize(
    ("subject", "count", "groups"),
    [
        ("anatomy", 1, ("other", "anatomy")),
        ("STEM", 18, ("STEM", "abstract_algebra")),
        ("social sciences", 12, ("social sciences", "econometrics")),
    ],
)
def test_one_subject_or_one_category(built_in, subject, count, groups):
    data = built_in(f"mmlu,subject={subject}").task.data
    assert len(data) == count
    assert data[0].groups == groups


@pytest.mark.parametrize(("spec", "fix"), [("mmlu,subject=anatomie", "did you mean 'anatomy'?")])
def test_a_misspelt_subject_is_answered_with_the_nearest(built_in, spec, fix):
    with pytest.raises(UsageError, match="'anatomie'") as caught:
        built_in(spec)
    assert caught.value.fix == fix


def test_the_sample_asks_for_texts_and_can_ask_for_letters(built_in):
    texts = built_in("toy_mmlu")
    assert next(texts.prompts()) == (
        "The following are multiple choice questions (with answers) about geography.\n\n"
        "Which city is the capital of Kenya?\nAnswer:"
    )
    first = texts.samples()[0]
    assert (first.choices, first.gold) == (("Nairobi", "Paris", "Dublin", "Stockholm"), (0,))
    letters = built_in("toy_mmlu,form=letter")
    assert next(letters.prompts()) == (
        "The following are multiple choice questions (with answers) about geography.\n\n"
        "Which city is the capital of Kenya?\nA. Nairobi\nB. Paris\nC. Dublin\nD. Stockholm\nAnswer:"
    )


def test_examples_of_the_sample_are_the_first_of_the_same_subject(built_in):
    prompt = next(built_in("toy_mmlu").prompts(shots=2))
    assert prompt.startswith(
        "The following are multiple choice questions (with answers) about geography.\n\n"
        "Which city is the capital of Hungary?\nAnswer: Budapest\n\n"
        "Where would you find the capital of Canada?\nAnswer: Ottawa\n\n"
        "Which city is the capital of Kenya?"
    )


def test_the_sample_has_subjects_of_its_own(built_in):
    data = built_in("toy_mmlu,subject=zoology").task.data
    assert [part.groups for part in data] == [("zoology",)]
    with pytest.raises(UsageError, match="no subject of toy_mmlu named 'anatomy'"):
        built_in("toy_mmlu,subject=anatomy")
