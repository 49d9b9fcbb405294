"""The last of the RAG toy set's passages (see planted_records)."""

from __future__ import annotations

from tools.toys.planted_records import Case, Passage

LAST_PASSAGES: tuple[Passage, ...] = (
    Passage(
        "airport",
        (
            "Noise at the airport of Lyse was reduced by a longer runway. Flights start later in the morning.",
            "The pilot Nils Borg recommended new lights. The controller Asta Wren warned of birds.",
            "The terminal was moved because the old ground had sunk.",
        ),
        (
            Case(
                "direction",
                "What did the longer runway do to the noise?",
                "A longer runway reduced the noise at the airport.",
                "A longer runway increased the noise at the airport.",
            ),
            Case(
                "cause",
                "Why was the terminal moved?",
                "They moved the terminal because the old ground had sunk.",
                "They moved the terminal because a hotel was planned there.",
            ),
            Case(
                "attribution",
                "Who warned of birds?",
                "Asta Wren, a controller, warned of birds.",
                "Nils Borg, a pilot, warned of birds.",
            ),
            Case(
                "unanswerable",
                "How many flights start at Lyse each day?",
                "The documents do not tell how many flights there are.",
                "Around sixty flights start there each day.",
            ),
        ),
    ),
)
