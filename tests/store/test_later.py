"""The thread that writes what waits ends whenever it is told to."""

import random
import threading
import time

import pytest

from evalkit.store.later import Later


def test_it_ends_at_whatever_moment_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed again and again around the moment of its writing; one that missed it would wait for ever."""
    monkeypatch.setattr("evalkit.store.later._REST", 0.001)
    drawn = random.Random(1)

    def work() -> None:
        for _ in range(600):
            later = Later(lambda: None)
            later.soon()
            time.sleep(0.0008 + drawn.random() * 0.0005)
            later.close()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(60)
    assert not worker.is_alive()


def test_what_is_announced_while_it_writes_is_written_next() -> None:
    written = threading.Semaphore(0)
    later = Later(written.release)
    for _ in range(3):
        later.soon()
        assert written.acquire(timeout=10)
    later.close()
