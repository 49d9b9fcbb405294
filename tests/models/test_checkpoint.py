"""What is known of a local model from its files alone: its identity, what it can be asked, and what is missing."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Choose, Generate, Perplexity, Prompt, Tokenize, UsageError, digest_of
from evalkit.models import resolve
from evalkit.models.hf.loading import weight_files
from tests.models.oracle import answer

pytest.importorskip("torch")
pytest.importorskip("transformers")


def facts(spec: str) -> dict[str, str]:
    return dict(resolve(spec).identity.facts)


@pytest.fixture
def folder(make_model: Callable[..., Path], tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(make_model("llama", template=True), tmp_path / "model"))


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_resolving_and_identifying_imports_no_torch(folder: Path) -> None:
    code = (
        "import sys; from evalkit.models import resolve;"
        f"m = resolve('hf/{folder},chat=on'); m.identity.digest; m.capabilities; resolve('tiny').identity;"
        "print([n for n in ('torch', 'transformers', 'tokenizers', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_identity_says_what_the_model_is(folder: Path) -> None:
    identity = resolve(f"hf/{folder},chat=on,system=Be brief.,max_length=40").identity
    found = dict(identity.facts)
    assert identity.name == f"hf/model,chat=on,system={digest_of('Be brief.')[:8]},max_length=40"
    assert found["backend"] == "transformers"
    assert found["weights"].startswith("sha256:")
    assert (found["chat"], found["dtype"], found["max_length"]) == ("on", "float32", "40")
    assert {"config", "tokenizer", "template", "system"} <= set(found)


def test_the_same_model_elsewhere_is_the_same_model(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "model"))
    assert resolve(f"hf/{folder}").identity == resolve(f"hf/{other}").identity


@pytest.mark.parametrize(
    ("fact", "damage"),
    [
        ("weights", lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes() + b"x")),
        ("config", lambda f: change(f / "config.json", rms_norm_eps=0.1)),
        ("config", lambda f: change(f / "generation_config.json", eos_token_id=[1, 5])),
        ("tokenizer", lambda f: change(f / "tokenizer_config.json", bos_token="</s>")),
        ("template", lambda f: (f / "chat_template.jinja").write_text("other")),
    ],
)
def test_every_change_of_a_file_that_matters_is_another_model(
    fact: str, damage: Callable[[Path], object], folder: Path
) -> None:
    before = facts(f"hf/{folder}")
    damage(folder)
    after = facts(f"hf/{folder}")
    assert before != after
    assert {name for name in before if before[name] != after[name]} == {fact}


@pytest.mark.parametrize("option", ["dtype=bfloat16", "chat=on", "chat=off", "system=Hi", "max_length=30"])
def test_every_option_that_matters_is_another_model(option: str, folder: Path) -> None:
    assert resolve(f"hf/{folder},{option}").identity.digest != resolve(f"hf/{folder}").identity.digest


def test_the_order_of_options_and_what_goes_without_saying_do_not_matter(folder: Path) -> None:
    one = resolve(f"hf/{folder},chat=on,max_length=40,dtype=auto").identity
    assert resolve(f"hf/{folder},max_length=40,chat=on").identity == one
    assert resolve("tiny,dtype=float32,chat=auto").identity == resolve("tiny").identity


@pytest.mark.parametrize("option", ["device=cpu", "batch_tokens=7", "kernels=torch"])
def test_how_a_model_is_run_does_not_make_it_another(option: str, folder: Path) -> None:
    assert resolve(f"hf/{folder},{option}").identity == resolve(f"hf/{folder}").identity


def test_a_saved_again_config_is_the_same_config(folder: Path) -> None:
    before = facts(f"hf/{folder}")
    change(folder / "config.json", transformers_version="9.9", _name_or_path="elsewhere")
    assert facts(f"hf/{folder}") == before


def test_weights_are_read_once_until_they_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    sha256 = weight_files._sha256
    monkeypatch.setattr(weight_files, "_sha256", lambda file: read.append(file) or sha256(file))
    first = facts(f"hf/{folder}")["weights"]
    assert facts(f"hf/{folder}")["weights"] == first
    assert len(read) == 1
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes() + b" ")
    longer = facts(f"hf/{folder}")["weights"]
    assert longer != first
    # Other bytes of the same size are seen by their time.
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1] + b"\n")
    os.utime(folder / "model.safetensors", ns=(0, 12345))
    assert facts(f"hf/{folder}")["weights"] not in (first, longer)
    assert len(read) == 3


@pytest.mark.parametrize(
    ("config", "header", "option", "expected"),
    [
        ({"dtype": "bfloat16"}, "F32", "", "bfloat16"),
        ({"torch_dtype": "float16"}, "F32", "", "float16"),
        ({}, "BF16", "", "bfloat16"),
        ({}, "I64", "", "float32"),
        ({"dtype": "bfloat16"}, "F32", ",dtype=float32", "float32"),
    ],
)
def test_the_dtype_is_the_options_the_configs_or_the_files(
    config: dict[str, str], header: str, option: str, expected: str, folder: Path
) -> None:
    content = json.loads((folder / "config.json").read_text())
    content = {key: value for key, value in content.items() if key != "dtype"} | config
    (folder / "config.json").write_text(json.dumps(content))
    text = json.dumps({"w": {"dtype": header, "shape": [0], "data_offsets": [0, 0]}}).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert facts(f"hf/{folder}{option}")["dtype"] == expected


def test_what_a_model_can_be_asked(make_model: Callable[..., Path], folder: Path) -> None:
    plain = resolve(f"hf/{folder}").capabilities
    assert plain.requests == frozenset({Generate, Choose, Perplexity, Tokenize})
    assert (plain.chats, plain.max_length) == (False, 64)
    assert resolve(f"hf/{folder},chat=on").capabilities.chats
    assert resolve(f"hf/{folder},max_length=20").capabilities.max_length == 20
    assert resolve(f"hf/{make_model('gpt2')}").capabilities.max_length == 64


@pytest.mark.parametrize(
    ("option", "wrong", "fix"),
    [
        ("dtyp=float32", "no option of a local model named 'dtyp'", "did you mean 'dtype'?"),
        ("dtype=float23", "dtype is one of auto, float32, bfloat16, float16", "dtype=float32"),
        ("chat=true", "chat is one of auto, on, off", "chat=auto"),
        ("device=gpu", "device is one of", "device=cpu"),
        ("device=cuda:x", "device is one of", "device=cuda"),
        ("batch_tokens=0", "batch_tokens is a number of tokens, 1 or more", "batch_tokens=2048"),
        ("max_length=1e3", "max_length is a number of tokens, 1 or more", "max_length=2048"),
        ("max_length=65", "hf/model,max_length=65 reads at most 64 tokens", "max_length=64 or less"),
        ("trust_remote_code=maybe", "trust_remote_code is one of true, false", "trust_remote_code=true"),
        ("attention=flash_attention", "attention is one of", "attention=flash_attention_"),
        ("system=Hi,chat=off", "a system prompt needs the chat template", "chat=on"),
        ("revision=main", "a folder has no revisions", "drop revision="),
    ],
)
def test_a_wrong_option_is_a_usage_error_with_a_way_out(option: str, wrong: str, fix: str, folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(f"hf/{folder},{option}")
    assert caught.value.wrong.startswith(wrong)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("missing", "wrong"),
    [
        (["config.json"], "is not a model"),
        (["tokenizer.json", "tokenizer_config.json"], "has no tokenizer"),
        (["model.safetensors"], "has no weights"),
    ],
)
def test_a_folder_that_lacks_a_file_is_a_usage_error(missing: list[str], wrong: str, folder: Path) -> None:
    for name in missing:
        (folder / name).unlink()
    with pytest.raises(UsageError, match=wrong) as caught:
        resolve(f"hf/{folder}")
    assert str(folder) in caught.value.found


def test_a_broken_config_is_a_usage_error_that_names_the_file(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json: config\.json can't be read"):
        resolve(f"hf/{folder}")


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "~/nowhere/at/all", "a/b/c", "a b"])
def test_a_folder_that_is_not_there_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="no model folder") as caught:
        resolve(f"hf/{name}")
    assert "config.json; nothing is there" in caught.value.found


def test_no_name_and_too_much_name() -> None:
    with pytest.raises(UsageError, match="no model is named"):
        resolve("hf")
    with pytest.raises(UsageError, match="tiny is one model"):
        resolve("tiny/other")


def test_incomplete_weights_are_a_usage_error_and_not_noise(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match="not complete") as caught:
        answer(resolve(f"hf/{folder}"), Choose(Prompt("A"), ("B",)))
    assert "model.layers.1.mlp.up_proj.weight" in caught.value.found


@pytest.mark.parametrize("was", [True, False])
@pytest.mark.parametrize("fails", [False, True])
def test_no_garbage_is_looked_for_while_a_tokenizer_is_loaded(
    was: bool, fails: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And as before behind it: on where it was on, off where whoever calls has turned it off."""
    import transformers

    seen: list[bool] = []
    plain = transformers.AutoTokenizer.from_pretrained

    def load(*args: object, **named: object) -> object:
        seen.append(gc.isenabled())
        if fails:
            raise ValueError("a broken vocabulary")
        return plain(*args, **named)

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", load)
    before = gc.isenabled()
    (gc.enable if was else gc.disable)()
    try:
        reply = answer(resolve(f"hf/{folder}"), Choose(Prompt("The"), (" first",)))
        assert gc.isenabled() is was
    except UsageError as error:
        assert fails and "a broken vocabulary" in str(error) and gc.isenabled() is was
    else:
        assert not fails and len(reply.loglikelihoods) == 1
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == [False]


def test_weights_that_are_none_are_a_usage_error_at_the_first_request(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not a tensor in sight")
    with pytest.raises(UsageError, match="hf/model can't be loaded"):
        answer(resolve(f"hf/{folder}"), Choose(Prompt("A"), ("B",)))


def test_a_device_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    import torch

    with pytest.raises(UsageError, match="torch sees no device 'cuda:99'") as caught:
        answer(resolve(f"hf/{folder},device=cuda:99"), Choose(Prompt("A"), ("B",)))
    assert torch.__version__ in caught.value.found


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(make_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache that holds the model `someone/small`, and no network."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    snapshot = cache / "models--someone--small" / "snapshots" / COMMIT
    shutil.copytree(make_model("llama"), snapshot)
    refs = cache / "models--someone--small" / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return snapshot


def test_a_hub_model_is_known_by_its_commit(hub: Path) -> None:
    model = resolve("hf/someone/small")
    assert model.identity.name == "hf/someone/small"
    assert dict(model.identity.facts)["weights"] == f"hub:{COMMIT}"
    assert answer(model, Choose(Prompt("A"), ("B",))).loglikelihoods[0] < 0
    # The same snapshot named by its folder is the same model.
    assert resolve(f"hf/{hub}").identity == model.identity


def test_a_hub_model_that_is_not_there_is_a_usage_error(hub: Path) -> None:
    with pytest.raises(
        UsageError, match="someone/else is not available: the hub is not asked, being offline"
    ) as caught:
        resolve("hf/someone/else")
    assert "no complete earlier download" in caught.value.found
    assert "hf download someone/else" in caught.value.fix
    assert f"a folder (there is none at {Path('someone/else').absolute()})" in caught.value.fix
    with pytest.raises(UsageError, match="someone/small is not available") as caught:
        resolve("hf/someone/small,revision=v2")
    assert "at revision 'v2'" in caught.value.found
    assert "--revision v2" in caught.value.fix
