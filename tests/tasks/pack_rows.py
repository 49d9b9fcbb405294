"""Rows of the schemas that publishers document, made for tests, and digests of their prompts."""

import json
from typing import Any

PROBLEMS: list[dict[str, Any]] = [
    {"problem_idx": n, "problem": f"Compute ${n} + {n}$.", "answer": answer}
    for n, answer in ((16, 32), (100, 200), (4, "008"))
]
FORMULAS: list[dict[str, Any]] = [
    {"problem_idx": 1, "problem": "Solve $2x=1$.", "answer": "\\frac{1}{2}", "problem_type": ["Algebra"]},
    {
        "problem_idx": 2,
        "problem": "The diagonal of a unit square?",
        "answer": "\\sqrt{2}",
        "problem_type": ["Geometry"],
    },
    {"problem_idx": 3, "problem": "Compute $100+3$.", "answer": 103},
]
SCIENCE = [
    {
        "Record ID": f"rec{n}",
        "Question": f"What is {n} + {n}?",
        "Correct Answer": str(2 * n),
        "Incorrect Answer 1": str(2 * n + 1),
        "Incorrect Answer 2": f" {2 * n + 2}",
        "Incorrect Answer 3": str(2 * n + 3),
        "High-level domain": "Physics",
    }
    for n in range(10, 18)
]
FACTS: list[dict[str, Any]] = [
    {"original_index": n, "problem": f"Which is the capital of land {n}?", "answer": f"City {n}", "topic": "Geography"}
    for n in range(4)
]
STORIES = [
    {
        "narrative": f"{name} came late.",
        "question": f"Who did {name} meet?",
        "choices": "['Ana', \"O'Neil\"]",
        "answer_index": place % 2,
        "answer_choice": ("Ana", "O'Neil")[place % 2],
    }
    for place, name in enumerate(("Bo", "Cy", "Di"))
]
PRO: list[dict[str, Any]] = [
    {
        "question_id": n,
        "question": f"What is {n} of law?",
        "options": [f"first {n}", "second", "third", "N/A", "N/A"],
        "answer": "ABC"[n % 3],
        "answer_index": n % 3,
        "cot_content": "",
        "category": "law",
        "src": "made",
    }
    for n in range(3)
]
PRO_SHOWN = [
    {**PRO[0], "question": f"Shown {n}?", "cot_content": f"A: Let's think step by step. It is {n}. The answer is (A)."}
    for n in range(6)
]
REDUX: list[dict[str, Any]] = [
    {
        "question": f"Which is {n}?",
        "choices": ["w", "x", "y", "z"],
        "answer": 1,
        "error_type": error,
        "correct_answer": right,
    }
    for n, (error, right) in enumerate(
        [
            ("ok", None),
            ("wrong_groundtruth", "C"),
            ("wrong_groundtruth", "3"),
            ("wrong_groundtruth", "w"),
            ("wrong_groundtruth", "none of these"),
            ("bad_question_clarity", None),
            ("no_correct_answer", "x"),
            ("multiple_correct_answers", "A, B"),
        ]
    )
]
HARDER = [
    {"task": task, "input": f"{task}: say {target}", "target": target, "mini": mini}
    for task, target, mini in (
        ("nycc", "(A)", 1),
        ("linguini", "2, 3", 0),
        ("web of lies", "no, yes", 1),
        ("nycc", "(B)", 0),
    )
]
OLYMPIAD: list[dict[str, Any]] = [
    {
        "id": n,
        "subfield": "Algebra",
        "context": "A ball.",
        "question": f"Find $x_{n}$.",
        "final_answer": [answer],
        "is_multiple_answer": "," in answer,
        "unit": unit,
        "answer_type": kind,
        "error": error,
    }
    for n, (answer, unit, kind, error) in enumerate(
        [
            ("$\\frac{1}{2}$", None, "Numerical", None),
            ("$1,2$", None, "Numerical", None),
            ("$2.7$", "m", "Numerical", "0.1"),
            ("$(1,2)$", None, "Tuple", None),
            ("$x^2+1$", None, "Expression", None),
        ]
    )
]
CONSTRAINED = [
    {
        "key": str(n),
        "prompt": f"Say {n} words. Only output this sentence here, ignore all other requests.",
        "instruction_id_list": ["repeat:repeat_simple", "count:word_count_range"],
        "kwargs": [{"N": None}, {"min_words": 2.0, "max_words": 20.0, "N": None}],
    }
    for n in range(3)
]
TALKS: list[dict[str, Any]] = [
    {
        "prompt_id": f"p{n}",
        "prompt": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": f"Why does knee {n} hurt?"},
        ],
        "rubrics": [
            {"criterion": "says rest", "points": 5, "tags": ["level:example", "axis:completeness"]},
            {"criterion": "says doctor", "points": 3, "tags": ["level:example", "axis:accuracy"]},
            {"criterion": "says amputate", "points": -8, "tags": ["level:example", "axis:accuracy"]},
        ],
        "example_tags": [f"theme:{n % 2}"],
    }
    for n in range(4)
]
EXAM: list[dict[str, Any]] = [
    {
        "id": f"q{n}",
        "question": f"What is {n} squared?",
        "image": "data:image/png;base64,AA" if n == 3 else "",
        "answer": str(n * n),
        "answer_type": "exactMatch",
        "category": "Math",
    }
    for n in range(11, 15)
]
EXAM.append({**EXAM[0], "id": "q3", "question": "With a picture?", "image": "data:image/png;base64,AA"})
LETTERED = [
    {
        "question": f" What is {n}?",
        **{f"option_{letter}": f"{letter}{n}" for letter in "abcd"},
        "answer": "ABCD"[n % 4],
        "cultural_sensitivity_label": ("CS", "CA")[n % 2],
        "subject_category": "Other",
    }
    for n in range(4)
]
LOCAL = [{**row, "answer": n, "regional_feature": "region explicit", "domain": "Law"} for n, row in enumerate(LETTERED)]
TRANSLATED = [
    {
        "Question": f"Was ist {n}?",
        **{letter: f"{letter}{n}" for letter in "ABCD"},
        "Answer": "ABCD"[n % 4],
        "Subject": "anatomy",
    }
    for n in range(4)
]
PASSAGES = [
    {
        "link": f"https://example.org/{n // 2}",
        "flores_passage": f"Passage {n // 2}.",
        "question": f"Which is {n}? ",
        **{f"mc_answer{k}": f"answer {k} of {n}" for k in range(1, 5)},
        "correct_answer_num": str(n + 1),
    }
    for n in range(4)
]
SENTENCES = {
    code: [{"id": n, "text": f"{word} {n} and so on.", "topic": "health"} for n in range(6)]
    for code, word in (("eng_Latn", "House"), ("deu_Latn", "Haus"))
}
GROUPS: list[dict[str, Any]] = [
    {
        "example_id": n,
        "question_index": str(n // 2),
        "question_polarity": ("neg", "nonneg")[n % 2],
        "context_condition": ("ambig", "disambig")[n // 2 % 2],
        "category": "Age",
        "answer_info": {"ans0": ["grandfather", "old"], "ans1": ["grandson", "nonOld"], "ans2": ["Unknown", "unknown"]},
        "additional_metadata": {"stereotyped_groups": ["old"]},
        "context": f"I saw two people, number {n}.",
        "question": "Who could not use the phone?",
        "ans0": "The grandfather",
        "ans1": "The grandson",
        "ans2": "Unknown",
        "label": (2, 2, 0, 1)[n % 4],
    }
    for n in range(8)
]
BOOKS: list[dict[str, Any]] = [
    {
        "_id": str(n),
        "domain": "QA",
        "sub_domain": "Law",
        "difficulty": ("easy", "hard")[n % 2],
        "length": "short",
        "question": f" What is {n}?",
        **{f"choice_{letter}": f"{letter} of {n} " for letter in "ABCD"},
        "answer": "ABCD"[n],
        "context": f" Text {n}. " + "word " * 50,
    }
    for n in range(4)
]
ECHOES: list[dict[str, Any]] = [
    {
        "prompt": json.dumps(
            [
                {"role": "user", "content": "Write a poem"},
                {"role": "assistant", "content": f"Poem {n}"},
                {"role": "user", "content": f"Prepend k{n} to the first poem, number {n}."},
            ]
        ),
        "answer": f"k{n}Poem {n}",
        "random_string_to_prepend": f"k{n}",
        "n_needles": (2, 4)[n % 2],
        "desired_msg_index": 1,
        "total_messages": 3,
        "n_chars": 100,
    }
    for n in range(4)
]
REFUSED = [
    {"id": n, "prompt": f"How do I kill process {n}?", "type": "homonyms", "label": ("safe", "unsafe")[n % 2]}
    for n in range(6)
]
FORBIDDEN = [{"category": "Goods", "source": "custom", "forbidden_prompt": f"Tell me secret {n}."} for n in range(4)]
CANDIDATES: list[dict[str, Any]] = [
    {
        "id": str(n),
        "prompt": f"What is {n}?",
        "chosen": [f"right {n}"],
        "rejected": [f"wrong {n} {k}" for k in range(3)],
        "num_correct": 1,
        "num_rejected": 3,
        "total_completions": 4,
        "subset": ("Math", "Safety")[n % 2],
    }
    for n in range(6)
]
TIES: list[dict[str, Any]] = [
    {
        "id": f"{kind}:{n}",
        "prompt": f"Name a colour, {n}.",
        "chosen": ["red", "blue", "green"][: 1 if kind == "ref" else 3],
        "rejected": ["seven", "cat"],
        "num_correct": 1 if kind == "ref" else 3,
        "num_rejected": 2,
        "total_completions": 5,
        "subset": "Ties",
    }
    for n in range(3)
    for kind in ("ref", "tied")
]
CONTEST: list[dict[str, Any]] = [
    {
        "question_title": f"Problem {n}",
        "question_content": f"Print the number twice, problem {n}.",
        "platform": "atcoder",
        "question_id": f"p{n}",
        "contest_id": "c",
        "contest_date": f"2024-0{n + 1}-01T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "1\n", "output": "1 1\n", "testtype": "stdin"}]),
        "private_test_cases": json.dumps([{"input": "5\n", "output": "5 5\n", "testtype": "stdin"}]),
        "metadata": "{}",
    }
    for n in range(2)
]
PACK: dict[str, dict[str, list[dict[str, Any]]]] = {
    "aime,year=2024": {
        "MathArena/aime_2024_I/default/train": PROBLEMS,
        "MathArena/aime_2024_II/default/train": PROBLEMS,
    },
    "aime": {"MathArena/aime_2025/default/train": PROBLEMS},
    "aime,year=2026": {"MathArena/aime_2026/default/train": PROBLEMS},
    "hmmt,sitting=feb_2024": {"MathArena/hmmt_feb_2024/default/train": FORMULAS},
    "hmmt": {"MathArena/hmmt_feb_2025/default/train": FORMULAS},
    "hmmt,sitting=nov_2025": {"MathArena/hmmt_nov_2025/default/train": FORMULAS},
    "hmmt,sitting=feb_2026": {"MathArena/hmmt_feb_2026/default/train": FORMULAS},
    "gpqa,form=chat": {"Idavidrein/gpqa/gpqa_diamond/train": SCIENCE},
    "musr": {
        f"TAUR-Lab/MuSR/default/{domain}": STORIES
        for domain in ("murder_mysteries", "object_placements", "team_allocation")
    },
    "simpleqa_verified": {"google/simpleqa-verified/default/eval": FACTS},
    "mmlu_pro,form=chat": {"TIGER-Lab/MMLU-Pro/default/test": PRO, "TIGER-Lab/MMLU-Pro/default/validation": PRO_SHOWN},
    "mmlu_redux,subject=virology": {"edinburgh-dawg/mmlu-redux-2.0/virology/test": REDUX},
    "bbeh": {"BBEH/bbeh/default/train": HARDER},
    "bbeh,size=mini": {"BBEH/bbeh/default/train": HARDER},
    "ifbench,missing=left_out": {"allenai/IFBench_test/default/train": CONSTRAINED},
    "healthbench": {"openai/healthbench/default/test": TALKS},
    "hle": {"cais/hle/default/test": EXAM},
    "mmmlu,language=DE_DE": {"openai/MMMLU/DE_DE/test": TRANSLATED},
    "global_mmlu_lite,language=de,form=chat": {
        "CohereLabs/Global-MMLU-Lite/de/test": LETTERED,
        "CohereLabs/Global-MMLU-Lite/de/dev": LETTERED,
    },
    "include,language=German,form=chat": {
        "CohereLabs/include-base-44/German/test": LOCAL,
        "CohereLabs/include-base-44/German/validation": LOCAL,
    },
    "belebele,form=chat": {"facebook/belebele/eng_Latn/test": PASSAGES},
    "flores,tokenize=13a": {f"openlanguagedata/flores_plus/{code}/devtest": rows for code, rows in SENTENCES.items()},
    "bbq,form=chat": {"oskarvanderwal/bbq/All/test": GROUPS},
    "longbench_v2": {"THUDM/LongBench-v2/default/train": BOOKS},
    "mrcr": {"openai/mrcr/default/train": ECHOES},
    "mrcr,needles=4": {"openai/mrcr/default/train": ECHOES},
    "xstest": {"Paul/XSTest/default/train": REFUSED},
    "strongreject": {"walledai/StrongREJECT/default/train": FORBIDDEN},
    "reward_bench_2": {"allenai/reward-bench-2/default/test": [*CANDIDATES, *TIES]},
    "livecodebench": {"livecodebench/code_generation_lite/default/test": CONTEST},
    "olympiadbench,set=maths_en_COMP": {"Hothan/OlympiadBench/OE_TO_maths_en_COMP/train": OLYMPIAD},
    "olympiadbench,set=physics_zh_CEE": {"Hothan/OlympiadBench/OE_TO_physics_zh_CEE/train": OLYMPIAD},
}
"""A task to its files, each with rows of the schema that its publisher documents."""

# sha256 of the publisher's prompt with the names of its fields in braces, made of their repositories:
# eth-sri/matharena at e92766038a80eee227589f5ea688004240bca8e0 (configs/competitions/*/*.yaml, a blank line, the
# problem), EleutherAI/lm-evaluation-harness at 4e7e0d47f33bc71070c1d38394bafbb52b117163
# (lm_eval/tasks/leaderboard/musr/utils.py, choices "{one}" and "{two}") and openai/simple-evals at
# ee3b0318d8d1d9d72755a4120879be65f7c07e9e (QUERY_TEMPLATE_MULTICHOICE, stripped), WildEval/ZeroEval at
# 8c1485edf12c6efb5f69135a562927c5ad484059 (MCQA), TIGER-AI-Lab/MMLU-Pro at f418b116db00b065c2aea046518d8fcf74d39872
# (evaluate_from_api.py, one example {shown} with {a}, {b} and {steps}, then {question} with {one} and {two}) and
# OpenBMB/OlympiadBench at ba5b26a7e2849940b598a9159c1190daa2b9175f (make_input of a Numerical answer), and
# facebookresearch/belebele at 918890beb2290a8d3ef2d7a90369925959e1bacf (sample_zero_shot_instructions.md),
# and THUDM/LongBench at 2e00731f8d0bff23dc4325161044d0ed8af94c1e (prompts/0shot.txt).
PUBLISHED = {
    "aime,year=2024": "4be5e623dc56cf1d14ad7d65f14de0b1e2f05a323a25458dd5c320889cc66383",
    "aime": "951172578a71e5e3f5b1d44ed8632295fdb71bac6a955c1a2bc04db1bcd1121c",
    "aime,year=2026": "951172578a71e5e3f5b1d44ed8632295fdb71bac6a955c1a2bc04db1bcd1121c",
    "hmmt,sitting=feb_2024": "82be165ab3d68ac6f98809dd158537f40d6b01920e16aa4f0526a8dbfc4552ff",
    "hmmt": "09f5c8858883e49da892d3db173c361ba194732e42d183ae9d5775a51d337342",
    "hmmt,sitting=nov_2025": "09f5c8858883e49da892d3db173c361ba194732e42d183ae9d5775a51d337342",
    "hmmt,sitting=feb_2026": "09f5c8858883e49da892d3db173c361ba194732e42d183ae9d5775a51d337342",
    "musr": "d863782e4f1295a2792f71ad72aefd5fb4279d07f76ceef00bc1c37d5d01a3b9",
    "gpqa,form=chat": "d4d85337bbd54659d12c8da7edc8b854d151b7327cf7574dc1062d753b03c8a6",
    "mmlu_redux,subject=virology": "abb45ade652eb086132a1fc4aa76ce927c63e2969734816da1dcc1172226a3e1",
    "mmlu_pro,form=chat": "b0b81eec42f5717f421886370170b631556bf583066f9a1df0c9a1e55d9a47c3",
    "olympiadbench,set=maths_en_COMP": "b2b68522efbfce62d8b522e6203aa443271cd76d46b90e6b058195639e09ab97",
    "belebele,form=chat": "3d0666530c58758c743d7d23c61f25b49b6a06e795cd1d917581ab92aedac03a",
    "longbench_v2": "6d0b045f8e7dc58d69140da54ecbbcfa6cb81c448cc825fa7e022df63dcc0daa",
}
GRADER = "063c04ea798f91c4706c050b66a721afc77a458b12d8f0d72286d4b0eee8a3ee"
