"""The Hugging Face hub, asked with patience and told in sentences: for models and data sets alike."""

from evalkit.data.huggingface.asking import (
    BEING_OFFLINE,
    Found,
    OutOfReachError,
    as_found,
    commit_of,
    failure,
    is_offline,
    offline,
    snapshot,
)
from evalkit.data.huggingface.patience import HubBusyError, be_patient
from evalkit.data.huggingface.refusals import HubItem, first_line, network_errors

__all__ = [
    "BEING_OFFLINE",
    "Found",
    "HubBusyError",
    "HubItem",
    "OutOfReachError",
    "as_found",
    "be_patient",
    "commit_of",
    "failure",
    "first_line",
    "is_offline",
    "network_errors",
    "offline",
    "snapshot",
]
