import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.results import factor_effects, seed_stability

NAMES = [f"net{i:02}" for i in range(50)]


def truth():
    return pd.Series(np.random.default_rng(0).normal(size=50), NAMES)


def noisy(noise, seed):
    rng = np.random.default_rng(seed)
    return truth() + noise * rng.normal(size=50)


class TestStability:
    def test_is_taken_over_the_networks_that_all_seeds_have(self):
        scores = {seed: noisy(1, seed) for seed in (5, 2, 9)}
        scores[2].iloc[:4] = math.nan
        scores[9] = scores[9].drop("net10").sample(frac=1, random_state=0)
        y = truth()
        y["net20"] = math.nan
        found = seed_stability(scores, y, higher_is_better=True)
        common = [n for n in NAMES[4:] if n not in ("net10", "net20")]
        columns = [scores[seed][common] for seed in (2, 5, 9)]
        rhos = [stats.spearmanr(a, b).statistic for a, b in combinations(columns, 2)]
        taus = [stats.kendalltau(column, y[common]).statistic for column in columns]
        assert (found.seeds, found.n) == ((2, 5, 9), 44)
        assert (found.rho, found.rho_min) == pytest.approx((np.mean(rhos), min(rhos)))
        assert found.taus == pytest.approx(taus)
        assert found.tau_mean == pytest.approx(np.mean(taus))
        assert found.tau_sd == pytest.approx(np.std(taus, ddof=1))

    def test_a_score_for_which_lower_is_better_is_turned_round(self):
        scores = {seed: noisy(1, seed) for seed in (0, 1)}
        negative = {seed: -column for seed, column in scores.items()}
        assert seed_stability(negative, truth(), higher_is_better=False) == seed_stability(
            scores, truth(), higher_is_better=True
        )

    def test_a_score_without_randomness_is_perfectly_stable(self):
        scores = {seed: noisy(1, 0) for seed in (0, 1)}
        found = seed_stability(scores, truth(), higher_is_better=True)
        assert (found.rho, found.rho_min, found.tau_sd) == pytest.approx((1, 1, 0))

    def test_one_seed_says_nothing(self):
        assert seed_stability({0: noisy(1, 0)}, truth(), higher_is_better=True) is None

    def test_too_few_networks_or_a_constant_seed_give_nan(self):
        few = {seed: noisy(1, seed)[:2] for seed in (0, 1)}
        found = seed_stability(few, truth(), higher_is_better=True)
        assert found.n == 2
        assert all(math.isnan(v) for v in (found.rho, found.tau_mean, found.tau_sd, *found.taus))
        constant = {0: noisy(1, 0), 1: pd.Series(1.0, NAMES)}
        found = seed_stability(constant, truth(), higher_is_better=True)
        assert math.isnan(found.rho)
        assert math.isnan(found.tau_sd)
        assert not math.isnan(found.taus[0])

    def test_an_architecture_listed_twice_is_refused(self):
        twice = {0: noisy(1, 0), 7: pd.concat([noisy(1, 1), noisy(1, 1)[:1]])}
        with pytest.raises(ValueError, match="scores under 7 list 'net00' twice"):
            seed_stability(twice, truth(), higher_is_better=True)


BATCHES, INPUTS = ("64", "16", "256"), ("images", "gaussian")


def factorial(levels=None):
    """Noise that depends on the inputs much and on the batch size little."""
    cells = list(levels or product(BATCHES, INPUTS))
    noise = {"images": 0.5, "gaussian": 2.0}
    return {
        (batch, source): noisy(noise[source] + int(batch) / 1000, seed)
        for seed, (batch, source) in enumerate(cells)
    }


def effects(scores, **changes):
    options = {
        "indicator": "naswot",
        "factors": ("batch_size", "inputs"),
        "reference": ("64", "images"),
        "higher_is_better": True,
        **changes,
    }
    return factor_effects(scores, truth(), **options)


class TestFactors:
    def test_main_effects_are_differences_of_means_over_all_other_settings(self):
        scores = factorial()
        scores["16", "gaussian"].iloc[0] = math.nan
        batch, source = effects(scores)
        common = NAMES[1:]
        taus = {
            cell: stats.kendalltau(column[common], truth()[common]).statistic
            for cell, column in scores.items()
        }
        assert (batch.factor, batch.reference, batch.n, batch.indicator) == (
            *("batch_size", "64", 49),
            "naswot",
        )
        assert [one.level for one in batch.levels] == ["64", "16", "256"]
        overall = np.mean(list(taus.values()))
        for effect, place in ((batch, 0), (source, 1)):
            for one in effect.levels:
                cells = [cell for cell in taus if cell[place] == one.level]
                assert one.n_cells == len(cells)
                assert one.tau == pytest.approx(np.mean([taus[cell] for cell in cells]))
                assert one.effect == pytest.approx(one.tau - overall)
            assert sum(one.effect for one in effect.levels) == pytest.approx(0)
        between = np.var([one.tau for one in source.levels])
        assert source.share == pytest.approx(between / np.var(list(taus.values())))
        assert source.share > batch.share
        assert source.share + batch.share <= 1

    def test_agreement_is_with_the_reference_level_all_else_equal(self):
        scores = factorial()
        gaussian = effects(scores)[1].levels[1]
        rhos = [
            stats.spearmanr(scores[batch, "gaussian"], scores[batch, "images"]).statistic
            for batch in BATCHES
        ]
        assert gaussian.agreement == pytest.approx(np.mean(rhos))
        assert effects(scores)[1].levels[0].agreement == 1

    def test_a_factor_of_one_level_has_no_effect(self):
        (source,) = effects(factorial(product(("64",), INPUTS)))
        assert source.factor == "inputs"
        assert source.share == pytest.approx(1)

    def test_what_never_changes_has_no_share(self):
        same = dict.fromkeys(product(BATCHES, INPUTS), noisy(1, 0))
        batch, _ = effects(same)
        assert math.isnan(batch.share)
        assert [one.effect for one in batch.levels] == pytest.approx([0, 0, 0])
        assert [one.agreement for one in batch.levels] == pytest.approx([1, 1, 1])

    def test_too_few_networks_give_nan(self):
        scores = {cell: column[:2] for cell, column in factorial().items()}
        batch, _ = effects(scores)
        assert batch.n == 2
        assert math.isnan(batch.levels[1].agreement)
        assert math.isnan(batch.levels[0].tau)

    def test_a_missing_combination_is_named(self):
        scores = factorial()
        del scores["256", "gaussian"]
        with pytest.raises(ValueError, match=r"1 are not scored, \('256', 'gaussian'\) for one"):
            effects(scores)

    def test_a_reference_that_was_not_scored_is_refused(self):
        with pytest.raises(ValueError, match=r"reference \('1', 'images'\) is none of the 6"):
            effects(factorial(), reference=("1", "images"))
        with pytest.raises(ValueError, match="names 1 levels of 2 factors"):
            effects(factorial(), reference=("64",))

    @pytest.mark.parametrize("seed", range(5))
    def test_no_share_is_made_of_rounding(self, seed):
        # the mean of equal numbers is not always one of them: 3 times this tau over 3 is another
        same = noisy(1, seed)
        scores = {(a, b): same for a in "xyz" for b in "pqr"}
        effects = factor_effects(
            scores,
            truth(),
            indicator="i",
            factors=("a", "b"),
            reference=("x", "p"),
            higher_is_better=True,
        )
        assert all(math.isnan(one.share) for one in effects)
