"""docs/reference/servers.md says what the tables in the code say."""

import re
from pathlib import Path

import pytest

from evalkit.models.api.parameters import PARAMETERS
from evalkit.models.api.signals import ROWS
from tests.models.api.test_signals import PARAMETER_SIGNALS, SIGNALS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "servers.md"
SEEN = {"server", "shape", "doc", "no", "–"}
SERVERS = (
    "OpenAI", "Azure", "Anthropic", "Google", "Mistral", "xAI", "Groq", "DeepSeek", "OpenRouter", "Together",
    "Fireworks", "vLLM", "SGLang", "TGI", "Ollama", "llama.cpp", "llama-cpp-python", "LM Studio", "transformers serve",
    "LiteLLM",
)  # fmt: skip


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    text = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2]
    table = re.search(r"^\|.*(?:\n\|.*)*", text, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def signals() -> list[list[str]]:
    return [[row.name, f"`{row.kind}`", row.seen] for row in ROWS]


def parameters() -> list[list[str]]:
    places = [", ".join(f"`{path}`" for path in parameter.paths) for parameter in PARAMETERS.values()]
    return [[f"`{name}`", place] for name, place in zip(PARAMETERS, places, strict=True)]


@pytest.mark.parametrize(
    ("heading", "expected"), [("What a signal means", signals()), ("Parameters that can be refused", parameters())]
)
def test_the_page_has_the_table_of_the_code(heading: str, expected: list[list[str]]) -> None:
    assert rows_under(heading) == expected, "\n".join(f"| {' | '.join(row)} |" for row in expected)


def test_the_matrix_has_every_server_and_says_how_each_ability_was_seen() -> None:
    matrix = {row[0]: row[1:] for row in rows_under("What was seen where")}
    assert set(SERVERS) <= matrix.keys()
    assert all(len(cells) == 11 and set(cells) <= SEEN for cells in matrix.values())


def test_a_refusal_that_is_said_to_be_in_the_tests_is_there() -> None:
    tested = {server for server, *_ in SIGNALS} | {server for server, *_ in PARAMETER_SIGNALS}
    for server, *cells in rows_under("What was seen where"):
        if cells[-1] == "shape" and server != "OpenAI, responses":
            assert server in tested, server
