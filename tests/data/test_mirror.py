"""Hub data sets out of a local mirror."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evalkit.core import DataOptions, Row, UsageError
from evalkit.data import hub


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """acme/two has two configs, acme/one a single one, acme/flat its files without a config."""
    for name in ("two/easy/test.jsonl", "two/hard/test.jsonl.gz", "two/hard/dev.jsonl", "one/main/test.json"):
        path = tmp_path / "acme" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        row = json.dumps({"from": name})
        data = (f"[{row}]" if name.endswith(".json") else f"{row}\n").encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    (tmp_path / "acme" / "flat").mkdir()
    (tmp_path / "acme" / "flat" / "test.csv").write_text("from\nflat/test.csv\n")
    return tmp_path


def origin_of(source_id: str, mirror: Path, config: str | None = None, split: str = "test") -> object:
    opened = hub(source_id, config=config, split=split).open(DataOptions(mirror=mirror, offline=True))
    [row] = opened.rows()
    assert isinstance(row, Row)
    return row.values["from"]


def refusal(source_id: str, mirror: Path, config: str | None = None, split: str = "test") -> str:
    with pytest.raises(UsageError) as caught:
        hub(source_id, config=config, split=split).open(DataOptions(mirror=mirror, offline=True))
    return str(caught.value)


def test_a_config_and_a_split_lead_to_their_file(mirror: Path) -> None:
    assert origin_of("acme/two", mirror, "easy") == "two/easy/test.jsonl"
    assert origin_of("acme/two", mirror, "hard") == "two/hard/test.jsonl.gz"
    assert origin_of("acme/two", mirror, "hard", "dev") == "two/hard/dev.jsonl"


def test_without_a_config_the_only_one_is_meant(mirror: Path) -> None:
    assert origin_of("acme/one", mirror) == "one/main/test.json"


def test_without_a_config_default_is_meant_before_any_other(mirror: Path) -> None:
    folder = mirror / "acme" / "two" / "default"
    folder.mkdir()
    (folder / "test.jsonl").write_text('{"from": "two/default"}')
    assert origin_of("acme/two", mirror) == "two/default"


def test_files_beside_the_configs_are_the_default(mirror: Path) -> None:
    assert origin_of("acme/flat", mirror) == "flat/test.csv"
    assert origin_of("acme/flat", mirror, "default") == "flat/test.csv"
    assert "without config 'hard'" in refusal("acme/flat", mirror, "hard")


def test_ids_begin_with_the_config_and_facts_name_the_file(mirror: Path) -> None:
    opened = hub("acme/one", split="test", revision="v2").open(DataOptions(mirror=mirror))
    [row] = opened.rows()
    assert row.id == "main/0"
    assert opened.facts["hub"] == "acme/one"
    assert opened.facts["config"] == "main"
    assert opened.facts["path"] == f"{mirror}/acme/one/main/test.json"
    assert "v2" in opened.facts["revision"]


def test_a_config_must_be_named_where_there_are_several(mirror: Path) -> None:
    message = refusal("acme/two", mirror)
    assert "several configs" in message
    assert "easy, hard" in message


def test_a_misspelt_config_or_split_is_met_with_what_exists(mirror: Path) -> None:
    assert "did you mean 'easy'?" in refusal("acme/two", mirror, "esay")
    message = refusal("acme/two", mirror, "hard", "tset")
    assert "has dev, test" in message
    assert "did you mean 'test'?" in message


def test_offline_a_set_that_is_not_mirrored_is_refused_with_the_path_expected(mirror: Path) -> None:
    message = refusal("acme/three", mirror, "easy", "dev")
    assert f"{mirror}/acme/three/easy/dev.jsonl" in message
    assert "EVALKIT_DATA" in message


@pytest.mark.parametrize("source_id", ["../etc", "a/b/c", "", "a//b", "/etc/passwd", "a/.."])
def test_an_id_that_is_none_is_refused(mirror: Path, source_id: str) -> None:
    assert "is not a data set's id" in refusal(source_id, mirror)


@pytest.mark.parametrize("name", ["../../secret", "/etc", "", "a/../../b"])
def test_neither_config_nor_split_leads_out_of_the_mirror(mirror: Path, name: str) -> None:
    assert "cannot name a config or split" in refusal("acme/two", mirror, name)
    assert "cannot name a config or split" in refusal("acme/two", mirror, "easy", name)


@pytest.mark.shared_data
class TestRealRows:
    def test_every_file_of_the_real_mirror_opens_whole(self, real_mirror: Path) -> None:
        options = DataOptions(mirror=real_mirror, offline=True)
        found = sorted(real_mirror.glob("*/*/*/*.jsonl.gz"))
        assert len(found) >= 100
        for path in found:
            owner, name, config, split = path.relative_to(real_mirror).parts
            source = hub(f"{owner}/{name}", config=config, split=split.removesuffix(".jsonl.gz"))
            opened = source.open(options)
            lines = gzip.decompress(path.read_bytes()).splitlines()
            rows = list(opened.rows())
            assert opened.count == len(rows) == len(lines)
            assert len({row.id for row in rows}) == len(rows)
            # The rows are what the standard library reads, to the last number and character.
            assert all(isinstance(row, Row) for row in rows)
            assert [row.values for row in rows if isinstance(row, Row)] == [json.loads(line) for line in lines]

    def test_gsm8k_test_has_its_1319_problems(self, real_mirror: Path) -> None:
        opened = hub("openai/gsm8k", config="main", split="test").open(DataOptions(mirror=real_mirror))
        first = next(opened.rows())
        assert isinstance(first, Row)
        assert opened.count == 1319
        assert first.id == "main/0"
        assert str(first.values["answer"]).endswith("#### 18")

    def test_squad_rows_keep_their_own_ids(self, real_mirror: Path) -> None:
        opened = hub("rajpurkar/squad", split="validation").open(DataOptions(mirror=real_mirror))
        assert next(opened.rows()).id == "56be4db0acb8001400a502ec"
        assert opened.count == 10570

    def test_mmlu_without_a_subject_lists_the_57(self, real_mirror: Path) -> None:
        with pytest.raises(UsageError, match="world_religions"):
            hub("cais/mmlu", split="test").open(DataOptions(mirror=real_mirror))
