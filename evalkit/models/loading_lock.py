"""One at a time where transformers loads weights: while it does, it exchanges functions of its own and of torch.

Two loads that overlap can leave the exchanged ones in place (an output layer is then never tied to the embeddings), and
every model that is loaded later in the process is broken.
"""

from __future__ import annotations

from threading import RLock

__all__ = ["LOADING"]

LOADING = RLock()
"""Held by whoever has transformers load weights, in whichever thread."""
