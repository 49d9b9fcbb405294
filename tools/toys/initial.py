"""The weights that training begins with: random, except that some heads already look back.

A model learns to copy from its context only when a head that attends to the previous token and a later head that
matches what followed it (an "induction head", Olsson et al. 2022, arXiv:2209.11895) have formed together. That takes
far more steps than there are here, so both are written into the first two layers, roughly; training does the rest.
"""

from __future__ import annotations

from typing import Any

import torch

CONSTANT = 3.0
"""The first component of each embedding, in standard deviations of the others: what position heads read."""


def subspace(rows: int, columns: int) -> torch.Tensor:
    """Random orthonormal rows."""
    return torch.linalg.qr(torch.randn(columns, rows))[0].T


def initialize(model: Any, theta: float) -> None:
    """Overwrite embeddings and attention of a fresh Llama; `theta` is the base of its rotary positions."""
    config = model.config
    with torch.no_grad():
        deviation = config.hidden_size**-0.5
        embeddings = model.model.embed_tokens.weight
        embeddings.normal_(0.0, deviation)
        embeddings[:, 0] = CONSTANT * deviation
        layers = model.model.layers
        for layer in layers[1:]:
            copy_values(layer.self_attn, config)
        content, written = look_at_previous(layers[0].self_attn, config, theta)
        match_previous(layers[1].self_attn, content, written)


def copy_values(attention: Any, config: Any) -> None:
    """Every head hands on what it reads, as it reads it."""
    size, group = config.head_dim, config.num_attention_heads // config.num_key_value_heads
    for head in range(config.num_attention_heads):
        kept = head // group * size
        if head % group == 0:
            attention.v_proj.weight[kept : kept + size] = subspace(size, config.hidden_size)
        values = attention.v_proj.weight[kept : kept + size]
        attention.o_proj.weight[:, head * size : (head + 1) * size] = 0.15 * values.T


def look_at_previous(attention: Any, config: Any, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Heads 0 and 1 attend one and two tokens back, by rotary phase alone.

    Returns what head 0 reads, (head size, hidden size), and where it writes it, of the same shape.
    """
    size = config.head_dim
    half = size // 2
    angles = theta ** (-torch.arange(half) / half)
    strength = torch.where(torch.arange(half) < half // 2, 2.5, 0.0)
    content, written = subspace(size, config.hidden_size), subspace(size, config.hidden_size)
    attention.v_proj.weight[:size] = content
    attention.k_proj.weight[:size, 0] = torch.cat([strength, torch.zeros(half)])
    for head in (0, 1):
        phase = (head + 1) * angles
        query = torch.cat([strength * phase.cos(), -strength * phase.sin()])
        attention.q_proj.weight[head * size : (head + 1) * size, 0] = query
        target = written if head == 0 else subspace(size, config.hidden_size)
        attention.o_proj.weight[:, head * size : (head + 1) * size] = 0.2 * target.T
    return content, written


def match_previous(attention: Any, content: torch.Tensor, written: torch.Tensor) -> None:
    """Head 0 attends to tokens whose previous token is the present one."""
    size = len(content)
    attention.q_proj.weight[:size] = 1.3 * content
    attention.k_proj.weight[:size] = 1.3 * written
