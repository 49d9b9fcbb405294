"""How a gate that runs its candidate in parts decides at each look, and how many samples the next one holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from evalkit.comparing.gates.anytime import anytime_verdict
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateVerdict, Pairs
from evalkit.comparing.gates.sequential import Schedule, decide_look
from evalkit.core import UsageError

_FIRST, _FIRST_OF_SMALLEST = 50, 20
_LEAST_GROWTH, _MOST_GROWTH = 1.15, 2.0


class Rule(Protocol):
    """`flag` is what the command line calls it. Proportions rise, and the last one is 1."""

    @property
    def flag(self) -> str: ...

    def proportion(self, look: int, sizes: Sequence[tuple[int, int]]) -> float:
        """The part of the samples that look number `look` (from 0) holds. `sizes` are (samples, independent units) of
        the baseline's tasks; every look before was decided."""
        ...

    def decide(self, pairs: Pairs, limits: GateLimits, look: int, *, last: bool, largest: int) -> GateVerdict:
        """The verdict on all pairs so far; INCONCLUSIVE or WORSE before the last look: go on. A cluster of the task
        holds `largest` samples at most."""
        ...

    def words(self, used: int, asked: int) -> str:
        """What a report says of the looks that were taken."""
        ...


@dataclass(frozen=True, slots=True)
class ScheduledLooks:
    """Looks at fixed parts of the samples, α spent over them. Raises UsageError for fewer than 2 or more than 20."""

    schedule: Schedule
    flag: str = "--sequential"

    @staticmethod
    def of(looks: int) -> ScheduledLooks:
        if not 2 <= looks <= 20:
            raise UsageError("--sequential takes 2 to 20 looks", found=str(looks), fix="5")
        return ScheduledLooks(Schedule(tuple((look + 1) / looks for look in range(looks))))

    def proportion(self, look: int, sizes: Sequence[tuple[int, int]]) -> float:
        return self.schedule.fractions[look]

    def decide(self, pairs: Pairs, limits: GateLimits, look: int, *, last: bool, largest: int) -> GateVerdict:
        return decide_look(pairs, limits, self.schedule, look)

    def words(self, used: int, asked: int) -> str:
        looks = len(self.schedule.fractions)
        return f"{used} of {looks} looks, {asked:,} samples asked (O'Brien & Fleming's spending)"


@dataclass(slots=True)
class AdaptiveLooks:
    """Looks whenever the next verdict may be near: its bounds hold at any time, so looking costs nothing.

    The next look holds as many samples as the nearest task would need if its difference stayed as it is, between 1.15
    and 2 times those of this one.
    """

    flag: str = "--adaptive"
    _asked: float = 0.0
    _growth: list[float] = field(default_factory=list)

    def proportion(self, look: int, sizes: Sequence[tuple[int, int]]) -> float:
        if look == 0:
            most, fewest = max(n for n, _ in sizes), min(units for _, units in sizes)
            self._asked = max(_FIRST / most, _FIRST_OF_SMALLEST / max(1, fewest))
        else:
            wanted = min(self._growth, default=_MOST_GROWTH)
            self._asked *= min(max(wanted, _LEAST_GROWTH), _MOST_GROWTH)
        self._growth.clear()
        # What is left after nine tenths is not worth a look by itself.
        self._asked = 1.0 if self._asked > 0.9 else self._asked
        return self._asked

    def decide(self, pairs: Pairs, limits: GateLimits, look: int, *, last: bool, largest: int) -> GateVerdict:
        found = anytime_verdict(pairs, limits, last=last, largest=largest)
        if found.outcome.is_open and found.needed and found.n:
            self._growth.append(found.needed / found.n)
        return found if last else replace(found, needed=None)

    def words(self, used: int, asked: int) -> str:
        return f"{used} look{'' if used == 1 else 's'}, {asked:,} samples asked (bounds that hold at any time)"
