"""How many examples a property test tries: a fixed number with every run, many times as many, and random, at night."""

from collections.abc import Sequence

from hypothesis import HealthCheck, settings

__all__ = ["examples"]


def examples(count: int, *, suppress_health_check: Sequence[HealthCheck] = ()) -> settings:
    """Settings of a test that tries `count` examples where tests without a number try the usual ones of a profile.

    A profile with k times as many examples as "evalkit" tries k times `count`.
    """
    times = settings().max_examples / settings.get_profile("evalkit").max_examples
    checks = {*settings().suppress_health_check, *suppress_health_check}
    return settings(max_examples=round(count * times), suppress_health_check=checks)
