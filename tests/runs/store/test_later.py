"""The thread that writes what waits ends whenever it is told to."""

import threading

from evalkit.core.write_behind import WriteBehind


def test_it_ends_though_it_is_closed_between_waking_and_looking_again() -> None:
    """Closing announces itself; the announcement must not be taken for one that is just being served."""
    closed = threading.Event()

    class Slow(threading.Event):
        def clear(self) -> None:
            closed.wait(10)
            super().clear()

    later = WriteBehind(lambda: None)
    later._announced = Slow()
    later.soon()
    closer = threading.Thread(target=later.close, daemon=True)
    threading.Timer(0.2, closer.start).start()  # the thread has woken by now and stands before `clear`
    threading.Timer(0.4, closed.set).start()
    closed.wait(10)
    closer.join(10)
    assert not closer.is_alive()


def test_what_is_announced_while_it_writes_is_written_next() -> None:
    written = threading.Semaphore(0)
    later = WriteBehind(written.release)
    for _ in range(3):
        later.soon()
        assert written.acquire(timeout=10)
    later.close()
