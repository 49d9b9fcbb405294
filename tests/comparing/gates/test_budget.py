"""What a gate costs is said before, and a budget buys the samples that tell most."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import evalkit
from evalkit.comparing import PairedTask, baselines, pair_task
from evalkit.comparing.gates import open_run
from evalkit.comparing.gates.budget import choose, ordered
from evalkit.comparing.gates.policy import Margin, Policy
from evalkit.core import UsageError
from tests.comparing.gates.test_preflight import MODEL, called, project
from tests.comparing.sides import side

__all__ = ["project"]
POLICY = Policy(margin=Margin(0.05))


def task(name: str, n: int, right: float, *, groups: int = 2, cluster: int = 1, seed: int = 1) -> PairedTask:
    values = [float(value) for value in np.random.default_rng(seed).random(n) < right]
    one = side(values, name, groups=[(f"g{place % groups}",) for place in range(n)])
    one.ids = [f"{name}-{place}" for place in range(n)]
    if cluster > 1:
        one.clusters = [f"{name}-c{place // cluster}" for place in range(n)]
    return pair_task(one, one)


HARD, EASY = task("hard", 1200, 0.5), task("easy", 1200, 0.97, seed=2)


def test_every_beginning_holds_each_group_in_proportion() -> None:
    paired = task("t", 600, 0.7, groups=3)
    group = dict(zip(paired.ids, paired.candidate.groups, strict=True))
    order = [cluster[0] for cluster in ordered(paired)]
    assert sorted(order) == sorted(paired.ids)
    for n in (30, 90, 301):
        counts = [sum(group[name] == (f"g{number}",) for name in order[:n]) for number in range(3)]
        assert max(counts) - min(counts) <= 1
    # A hash decides, not the place: half of the first hundred come from each half of the data.
    places = [int(name.partition("-")[2]) for name in order[:100]]
    assert 30 < sum(place < 300 for place in places) < 70


def test_clusters_stay_whole() -> None:
    paired = task("t", 300, 0.7, groups=1, cluster=5)
    assert {len(cluster) for cluster in ordered(paired)} == {5}
    found = choose([paired], POLICY, {"t": 1.0}, 52.0)
    assert len(found.samples["t"]) == 50


def test_a_larger_budget_holds_the_samples_of_a_smaller_one() -> None:
    prices = {"hard": 0.01, "easy": 0.01}
    small, large = (choose([HARD, EASY], POLICY, prices, budget) for budget in (4.0, 9.0))
    for name in prices:
        assert small.samples[name] < large.samples[name]
    assert small.cost <= 4.0 and large.cost <= 9.0
    assert 0.0 < small.passes < large.passes < 1.0


@pytest.mark.parametrize("price", [0.01, 0.04])
def test_no_other_split_of_the_money_passes_more_often(price: float) -> None:
    """By trying every split, with the chance computed here: the bound at n, of σ² = 2p(1 - p)(1 - ρ)."""
    prices, budget = {"hard": 0.01, "easy": price}, 8.0
    found = choose([HARD, EASY], POLICY, prices, budget)

    def chance(paired: PairedTask, n: int) -> float:
        p = float(paired.candidate.columns["acc"].rows.mean())
        z = (0.05 - 1.0 / n) * math.sqrt(n) / math.sqrt(2 * p * (1 - p) * 0.5) - 1.6448536
        return 0.5 * math.erfc(-z / math.sqrt(2))

    def both(hard: int) -> float:
        easy = min(1200, int((budget - 0.01 * hard) / price))
        return chance(HARD, hard) * chance(EASY, easy) if easy >= 10 else 0.0

    best = max(both(hard) for hard in range(10, 780))
    assert found.passes == pytest.approx(best, rel=0.005)
    uniform = int(budget / (0.01 + price))
    assert found.passes > 1.05 * chance(HARD, uniform) * chance(EASY, uniform)


def test_of_a_mean_the_variance_is_made_small() -> None:
    """Neyman's allocation: n in proportion to σ/√price, σ² = p(1 - p)(1 - ρ)·2."""
    policy = Policy(mean=Margin(0.01), each=False)
    found = choose([HARD, EASY], policy, {"hard": 0.01, "easy": 0.01}, 6.0)
    spread = [float(one.candidate.columns["acc"].rows.std()) for one in (HARD, EASY)]
    n = [len(found.samples[name]) for name in ("hard", "easy")]
    assert n[0] / n[1] == pytest.approx(spread[0] / spread[1], rel=0.05)
    assert math.isnan(found.passes)


def test_chosen_means_are_unbiased() -> None:
    """Over 300 sets of names, the mean of 60 chosen of 600 is the mean of all, within 3 standard errors."""
    means = []
    values = [float(place % 10 < 7) for place in range(600)]
    for number in range(300):
        one = side(values)
        one.ids = [f"{number}/{place}" for place in range(600)]
        kept = choose([pair_task(one, one)], POLICY, {"quiz": 1.0}, 60.0).samples["quiz"]
        chosen = [value for name, value in zip(one.ids, values, strict=True) if name in kept]
        assert len(chosen) == 60
        means.append(np.mean(chosen))
    assert np.mean(means) == pytest.approx(0.7, abs=3 * float(np.std(means)) / math.sqrt(300))


def test_too_little_money_says_how_much_it_takes() -> None:
    with pytest.raises(UsageError, match="less than 10 samples") as caught:
        choose([HARD, EASY], POLICY, {"hard": 0.01, "easy": 0.01}, 0.1)
    assert caught.value.fix == "0.2 or more"


# ---------------------------------------------------------------- the command

PRICED = (
    MODEL.replace(
        "class Mine:\n",
        "from evalkit.models.api.prices import Price\n\nclass Mine:\n    price = Price(1000.0, 1000.0, 0.0, 0.0)\n",
    )
    .replace('finish=("stop",))', 'finish=("stop",), usage=Usage(8, 2))')
    .replace("Reply\n", "Reply, Usage\n", 1)
)


@pytest.fixture
def priced(project: Path) -> Path:
    """A model at a cent a sample: ten tokens at 1,000 dollars a million."""
    Path("models/mine.py").write_text(PRICED)
    run = evalkit.run(["./sums.yaml", "./more.yaml"], "mine/trusted", out="runs/priced", project=project)
    baselines.write(Path("baseline.evalkit"), open_run(run).sides)
    Path("asked").unlink()
    return project


def test_a_budget_asks_what_it_buys(priced: Path) -> None:
    done = called("evalkit gate run suite.yaml --margin 20% --budget 1.0 -q")
    assert done.exit_code in (0, 4), done.output
    assert "budget     100 of 240 samples, about US$ 1.00" in done.output
    assert len(Path("asked").read_text()) == 100
    # The same samples once more, and none of a smaller budget are new.
    done = called("evalkit gate run suite.yaml --margin 20% --budget 0.5 -q --max-age 1h --markdown gate.md")
    assert len(Path("asked").read_text()) == 100
    assert "- budget: 50 of 240 samples, about US$ 0.50" in Path("gate.md").read_text()


def test_a_dry_run_says_what_it_costs_and_can_tell(priced: Path) -> None:
    done = called("evalkit gate run suite.yaml --margin 5% --dry-run")
    assert done.exit_code == 0
    assert "time: about " in done.output
    assert (
        "before: sums exact_match: 120 samples and a margin of 5 points let an unchanged model pass with" in done.output
    )
    assert "No model was asked. next: the same command without --dry-run" in " ".join(done.output.split())
    assert not Path("asked").exists()
    bought = called("evalkit gate run suite.yaml --margin 5% --dry-run --budget 0.6")
    assert "budget: 60 of 240 samples, about US$ 0.60" in bought.output
    assert "before: sums exact_match: 30 samples" in bought.output
    assert not Path("asked").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--budget 0", "above 0"),
        ("--budget 1 --adaptive", "use one of them"),
        ("--budget 0.001", "less than 10 samples"),
    ],
)
def test_what_no_budget_can_be(priced: Path, more: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        called(f"evalkit gate run suite.yaml --margin 5% {more}")
    assert not Path("asked").exists()


def test_a_model_that_costs_nothing_has_no_budget(project: Path) -> None:
    with pytest.raises(UsageError, match="costs nothing"):
        called("evalkit gate run suite.yaml --margin 5% --budget 3")


def test_nor_has_a_run_that_is_there(project: Path) -> None:
    for flag in ("--budget 3", "--dry-run", "--adaptive"):
        with pytest.raises(UsageError, match="is not run again"):
            called(f"evalkit gate run runs/base --margin 5% {flag}")
