"""The Hugging Face hub, asked with patience and told in sentences: for models and data sets alike."""

from evalkit.hub.asking import (
    BEING_OFFLINE,
    Found,
    OutOfReachError,
    commit_of,
    is_offline,
    no_access,
    offline,
    snapshot,
)
from evalkit.hub.patience import HubBusyError, be_patient
from evalkit.hub.refusals import Asked, first_line, network_errors, refusal

__all__ = [
    "BEING_OFFLINE",
    "Asked",
    "Found",
    "HubBusyError",
    "OutOfReachError",
    "be_patient",
    "commit_of",
    "first_line",
    "is_offline",
    "network_errors",
    "no_access",
    "offline",
    "refusal",
    "snapshot",
]
