"""Makes a damaged copy of a checkpoint: noise on every weight matrix, or another chat template.

    python tests/comparing/gates/damage.py SCALE OUT [SOURCE]

SCALE is the noise's standard deviation over the matrix's own. SOURCE is the embedded model by default.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def damage(out: Path, scale: float, source: Path, seed: int = 0) -> Path:
    """A copy of `source` in `out` whose matrices carry Gaussian noise."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, out)
    weights = load_file(out / "model.safetensors")
    generator = torch.Generator().manual_seed(seed)
    for name, matrix in weights.items():
        if matrix.dim() > 1:
            noise = torch.randn(matrix.shape, generator=generator) * matrix.float().std() * scale
            weights[name] = (matrix.float() + noise).to(matrix.dtype).contiguous()
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    return out


def retemplate(out: Path, source: Path) -> Path:
    """A copy of `source` in `out` that dresses conversations otherwise; the weights are the same."""
    shutil.copytree(source, out)
    (out / "chat_template.jinja").write_text("{% for message in messages %}Q: {{ message.content }}\n{% endfor %}")
    return out


if __name__ == "__main__":
    from evalkit.models.tiny import TINY

    scale, out, *rest = sys.argv[1:]
    damage(Path(out), float(scale), Path(rest[0]) if rest else TINY)
