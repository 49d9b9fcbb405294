"""Whole runs in which 30 % of all attempts fail: three formats, streamed and not, as in `benchmarks/fault_runs.py`."""

import fault_runs
import pytest
from peers.faulting import FAULTS, FORMATS

QUICK = tuple(fault for fault in FAULTS if fault != "stall")
"""Without the one that wants a short patience, which a busy machine has not; `test_client.py` has it."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_lost_nothing_is_paid_twice_and_the_result_is_the_same(
    form: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_FIRST_WAIT", "_LONGEST_WAIT"):
        monkeypatch.setattr(f"evalkit.models.api.client.{name}", 0.0)  # put back what the comparison shortens
    monkeypatch.setenv("EVALKIT_FAULTS_KEY", "")
    faults, server = fault_runs.compare(form, stream, 120, 0.3, 7, QUICK, patience=60.0)
    assert faults == []
    assert sum(server.met.values()) > 30
