"""What `gguf/<file>` refuses and how; what tells one such model from another."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Choose, Perplexity, Prompt, Tokenize, UnavailableError, UsageError
from evalkit.models import resolve
from evalkit.models.llamacpp.header import read_header
from tests.models.oracle import answers, failure

HAVE = importlib.util.find_spec("llama_cpp") is not None
needs_llama = pytest.mark.skipif(
    not HAVE, reason="pip install 'evalkit-harness[gguf]' compiles llama-cpp-python in 5 to 12 minutes"
)


def refused(spec: str) -> str:
    with pytest.raises(UsageError) as caught:
        resolve(spec)
    return str(caught.value)


def header_of(pairs: dict[str, object], *, tensors: int = 1, version: int = 3) -> bytes:
    """A GGUF header with one float32 tensor of 32 weights, and no data."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    content = b"GGUF" + struct.pack("<IQQ", version, tensors, len(pairs))
    for key, value in pairs.items():
        kind, data = (8, text(value)) if isinstance(value, str) else (4, struct.pack("<I", value))
        content += text(key) + struct.pack("<I", kind) + data
    for _ in range(tensors):
        content += text("a") + struct.pack("<IQIQ", 1, 32, 0, 0)
    return content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a GGUF file"),
        (b"ggjt\1\0\0\0", "an older format"),
        (b"PK\3\4....", "is not a GGUF file"),
        (header_of({}, version=1), "GGUF version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 3, big-endian"),
        (header_of({"general.architecture": "llama"})[:40], "header of x.gguf can't be read"),
        (header_of({"general.architecture": "llama"}), "is cut short"),
        (header_of({"general.architecture": "llama", "split.count": 3}) + bytes(160), "one part of a model"),
        (header_of({"general.architecture": "llama"}, tensors=0), "a vocabulary without weights"),
        (header_of({"general.type": "adapter", "general.architecture": "llama"}) + bytes(160), "a LoRA adapter"),
        (header_of({"general.architecture": "bert"}) + bytes(160), "architecture bert"),
    ],
)
def test_what_is_no_model_is_said_before_anything_is_loaded(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    assert said in refused(f"gguf/{tmp_path}/x.gguf")


def test_a_part_is_known_by_its_name_too(tmp_path: Path) -> None:
    path = tmp_path / "m-00002-of-00003.gguf"
    path.write_bytes(header_of({"general.architecture": "llama"}) + bytes(160))
    assert "llama-gguf-split --merge" in refused(f"gguf/{path}")


def test_a_missing_file_and_a_folder_say_what_would_do(tmp_path: Path) -> None:
    assert "no file is named" in refused("gguf/")
    assert str(tmp_path / "no.gguf") in refused(f"gguf/{tmp_path}/no.gguf")
    (tmp_path / "a.gguf").touch()
    assert f"gguf/{tmp_path}/a.gguf" in refused(f"gguf/{tmp_path}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("thread=2", "did you mean 'threads'"),
        ("threads=0", "threads is a whole number"),
        ("kv=q9", "kv is one of auto, f32"),
        ("gpu_layers=some", "gpu_layers is one of auto, all, or a number of layers"),
        ("system=x,chat=off", "needs the chat template"),
        ("kv=q8_0,flash_attention=off", "flash attention only"),
    ],
)
def test_options_that_cannot_be_meant(options: str, said: str) -> None:
    assert said in refused(f"gguf/x.gguf,{options}")


@needs_llama
def test_a_length_beyond_the_files_and_a_missing_template(written: Callable[..., Path], untied: Path) -> None:
    assert "reads at most 64 tokens" in refused(f"gguf/{written('F32', untied)},max_length=65")
    assert "no tokenizer.chat_template" in refused(f"gguf/{written('F32', untied)},chat=on")


def test_without_the_package_the_command_that_installs_it_is_named(written: Callable[..., Path]) -> None:
    """In a process that cannot find llama_cpp; and neither it nor torch is imported to say so."""
    script = (
        "import sys; sys.modules['llama_cpp'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'llama_cpp' else find(name, *a)\n"
        "from evalkit.models import resolve\n"
        "from evalkit.core import UnavailableError\n"
        f"try: resolve('gguf/{written('F16')}')\n"
        "except UnavailableError as error: print(error, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'evalkit-harness[gguf]'" in done.stdout
    assert "minutes" in done.stdout
    assert done.stdout.rstrip().endswith("False")


@needs_llama
def test_nothing_of_torch_or_transformers_is_needed(written: Callable[..., Path]) -> None:
    script = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "import asyncio\n"
        "from evalkit.core import Choose, Generate, Message, Perplexity, Prompt\n"
        "from evalkit.models import resolve\n"
        "talk = Prompt(messages=(Message('user', 'Hi'),))\n"
        "asked = [Choose(Prompt('The cat'), ('sat', 'ran')), Perplexity('A cat.'), Generate(talk, max_tokens=4)]\n"
        "async def work():\n"
        f"    model = resolve('gguf/{written('Q4_0')}')\n"
        "    found = await asyncio.gather(*map(model.answer, asked))\n"
        "    await model.close()\n"
        "    print(len(found), found[2].texts)\n"
        "asyncio.run(work())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 (")


@needs_llama
def test_a_gpu_that_llama_cpp_was_not_built_for(written: Callable[..., Path]) -> None:
    import llama_cpp

    if llama_cpp.llama_supports_gpu_offload():
        pytest.skip("this llama.cpp has a GPU")
    with pytest.raises(UnavailableError, match="built without a GPU"):
        answers(resolve(f"gguf/{written('F16')},gpu_layers=all"), [Perplexity("a")])


@needs_llama
def test_the_identity_tells_files_and_settings_apart(written: Callable[..., Path], tmp_path: Path) -> None:
    plain = resolve(f"gguf/{written('F16')}").identity
    facts = dict(plain.facts)
    assert plain.name == f"gguf/{written('F16').stem}"
    assert facts["quantization"] == "F16"
    assert len(facts["weights"]) == len("sha256:") + 64
    assert facts["llama-cpp-python"]
    # Where it lies and how it is run is not who it is.
    moved = tmp_path / written("F16").name
    moved.write_bytes(written("F16").read_bytes())
    assert resolve(f"gguf/{moved},threads=1,batch_tokens=64").identity == plain
    others = [resolve(f"gguf/{written('F16')},{extra}").identity for extra in ("chat=on", "max_length=64", "kv=q8_0")]
    others += [resolve(f"gguf/{written(kind)}").identity for kind in ("F32", "Q8_0", "Q4_0")]
    others += [resolve(f"gguf/{written('F16')},{extra}").identity for extra in ("flash_attention=on", "widen=true")]
    assert len({one.digest for one in (plain, *others)}) == 9
    assert [one.name.partition(",")[2] for one in others[:3]] == ["chat=on", "max_length=64", "kv=q8_0"]


@needs_llama
def test_a_file_of_another_kind_of_architecture_fails_with_llama_cpps_words(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(header_of({"general.architecture": "nonesuch"}) + bytes(160))
    model = resolve(f"gguf/{path}")
    with pytest.raises(UsageError, match=r"x\.gguf can't be loaded"):
        answers(model, [Perplexity("a")])


@needs_llama
def test_a_closed_model_and_a_text_that_is_none(written: Callable[..., Path]) -> None:
    model = resolve(f"gguf/{written('F16')}")
    good, bad = Choose(Prompt("The cat"), ("sat",)), Choose(Prompt("\ud800"), ("sat",))
    assert "can't be tokenised" in failure(model, bad)
    assert "closed" in failure(model, good)
    assert "tokenizer refused" in failure(resolve(f"gguf/{written('F16')}"), Tokenize("\ud800"))


@pytest.mark.parametrize(
    ("max_length", "longest", "small", "large"), [(None, 4096, 256, 4096), (8192, 8192, 4097, 9000)]
)
def test_a_cache_stays_on_one_side_of_where_positions_are_turned_otherwise(
    max_length: int | None, longest: int, small: int, large: int
) -> None:
    """llama.cpp takes a longrope model's long factors where the cache is larger than the original length."""
    from evalkit.models.llamacpp.header import Header
    from evalkit.models.llamacpp.options import GgufOptions
    from evalkit.models.llamacpp.settings import cells_of, longest_input

    values = {"general.architecture": "phi3", "phi3.context_length": 131072}
    values |= {"phi3.rope.scaling.original_context_length": 4096}
    phi = Header(values, {"F32": (1, 4)}, frozenset({"rope_factors_long.weight"}))
    assert longest_input(GgufOptions(max_length=max_length), phi) == longest
    assert [cells_of(wanted, longest, phi) for wanted in (256, 9000)] == [small, large]
    plain = Header(values, {"F32": (1, 4)}, frozenset())
    assert longest_input(GgufOptions(max_length=max_length), plain) == (max_length or 131072)
    assert cells_of(9000, longest, plain) == 9000


def test_the_header_says_types_and_sizes(written: Callable[..., Path]) -> None:
    """Against the reader of the package gguf."""
    gguf = pytest.importorskip("gguf")
    path = written("Q4_0")
    header, reader = read_header(path), gguf.GGUFReader(path)
    assert header.weights == sum(int(tensor.n_elements) for tensor in reader.tensors)
    assert sum(size for _, size in header.types.values()) == sum(int(tensor.n_bytes) for tensor in reader.tensors)
    assert header.tensors == {tensor.name for tensor in reader.tensors}
    assert header.architecture == "llama"
    assert header.max_length == 8192
    assert header.template == reader.fields["tokenizer.chat_template"].contents()
