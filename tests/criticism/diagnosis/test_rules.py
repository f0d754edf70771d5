"""Rules on the draws of any program: each has draws that trigger it, and draws that do not."""

import re

import numpy as np
import pytest

from criticism.diagnosis.drawn import (
    CHAINS,
    DRAWS,
    LEVELS,
    codes,
    finding,
    hierarchy,
    noise,
    rng,
    statistics,
    tree,
)
from shoal.criticism.diagnosis import diagnose


def where(mask, count):
    """`count` of the draws in which `mask` holds, spread evenly."""
    at = np.flatnonzero(mask.ravel())
    out = np.zeros(mask.size, bool)
    out[at[:: max(1, len(at) // count)][:count]] = True
    return out.reshape(mask.shape)


def test_sound_draws_have_no_findings():
    d = diagnose(tree(inference_library="numpyro", inference_library_version="0.22"))
    assert codes(d) == [] and d.trustworthy
    assert "can be trusted" in d.verdict and "10 quantities" in d.examined
    assert "NumPyro 0.22" in d.coverage and "tau of theta (over school)" in d.coverage
    assert "energy" in d.coverage and "no prior group" in d.coverage


def test_thousands_of_sound_effects_have_no_findings():
    """One in a thousand of anything happens by chance among 4,000 effects."""
    mu, tau = noise(1), np.exp(noise(2))
    many = mu[..., None] + tau[..., None] * noise(3, 4000)
    assert codes(diagnose(tree({"mu": mu, "tau": tau, "many": many}))) == []


def test_one_bad_effect_among_thousands_is_named():
    many = noise(3, 3000)
    many[..., 1234] = np.sort(many[..., 1234], axis=1)
    d = diagnose(tree({"many": many}))
    assert "many[1234]" in finding(d, "ess").evidence and "many[1234]" in finding(d, "rhat").evidence


# Divergences


def test_divergences_in_the_neck_name_the_scale_its_effects_and_where():
    v = hierarchy()
    low = v["tau"] < np.quantile(v["tau"], 0.1)
    d = diagnose(tree(v, statistics(diverging=where(low, 25))))
    assert codes(d) == ["funnel", "divergences"] and not d.trustworthy
    said = finding(d, "funnel")
    assert "where tau is small" in said.evidence and "8 values of theta (over school)" in said.evidence
    median = np.median(v["tau"][where(low, 25)])
    assert f"{median:.3g} (log {np.log(median):.2f})" in said.evidence
    assert "theta = mean + tau * z" in said.remedy and "(1 | school)" in said.remedy
    assert "25 of 2,000" in finding(d, "divergences").evidence


def test_the_scale_with_the_neck_is_told_from_others():
    v = hierarchy() | {"sigma": np.exp(0.3 * noise(5)), "omega": np.exp(noise(6))}
    low = v["tau"] < np.quantile(v["tau"], 0.1)
    said = finding(diagnose(tree(v, statistics(diverging=where(low, 25)))), "funnel").evidence
    assert "tau" in said and "sigma" not in said and "omega" not in said


@pytest.mark.parametrize("count", [1, 2, 25])
def test_divergences_of_no_place_are_only_counted(count):
    anywhere = where(np.ones((CHAINS, DRAWS), bool), count)
    assert codes(diagnose(tree(stats=statistics(diverging=anywhere)))) == ["divergences"]


def test_a_scale_that_hardly_varies_has_no_neck():
    v = hierarchy() | {"tau": np.exp(0.01 * noise(1))}
    low = v["tau"] < np.quantile(v["tau"], 0.1)
    assert codes(diagnose(tree(v, statistics(diverging=where(low, 25))))) == ["divergences"]


def test_divergences_at_large_scales():
    v = hierarchy()
    high = v["tau"] > np.quantile(v["tau"], 0.9)
    d = diagnose(tree(v, statistics(diverging=where(high, 25))))
    assert codes(d) == ["far-tail", "divergences"] and "where tau is large" in next(iter(d)).evidence


def units(seed=0, slow=0.0):
    """Effects in units of tau that data of many rows tie to it; tau moves slowly if `slow` is near 1."""
    log_tau, step = 0.1 * noise(seed), 0.1 * noise(seed + 1)
    for i in range(1, DRAWS):
        log_tau[:, i] = slow * log_tau[:, i - 1] + np.sqrt(1 - slow**2) * step[:, i]
    effects = 5 * rng(2).normal(size=LEVELS) + 0.01 * noise(3, LEVELS)
    return {"tau": np.exp(log_tau), "z": effects / np.exp(log_tau)[..., None]}


def test_a_ridge_between_a_scale_and_its_units():
    """Seed 000 at omega 10: the more the data know of each group, the fewer effective draws omega has."""
    d = diagnose(tree(units(slow=0.99)))
    said = finding(d, "ridge")
    assert (
        d.findings[0].code == "ridge"
        and "neither alone" in said.evidence
        and "z (over school)" in said.evidence
    )
    assert "centered" in said.remedy
    assert "mend those first" in finding(d, "ess").remedy


def test_units_that_are_sampled_well_are_no_finding():
    assert codes(diagnose(tree(units()))) == []


def test_a_neck_of_units_is_not_to_be_made_noncentered_again():
    v = units()
    low = v["tau"] < np.quantile(v["tau"], 0.02)
    v["tau"] = np.where(low, 0.3 * v["tau"], v["tau"])
    v["z"] = np.where(low[..., None], v["z"] / 0.3, v["z"])
    said = finding(diagnose(tree(v, statistics(diverging=where(low, 25)))), "funnel")
    assert "non-centered" in said.remedy and "z ~ Normal" not in said.remedy


# Chains


def test_a_chain_that_never_moves():
    v = hierarchy()
    v["tau"][2] = 1.5
    said = finding(diagnose(tree(v)), "stuck-chain")
    assert said.severity == "error" and "Chain 2 never moves: tau" in said.evidence


def test_a_chain_that_repeats_one_draw():
    v = {name: values.copy() for name, values in hierarchy().items()}
    for values in v.values():
        values[1, 100:160] = values[1, 100]
    assert (
        "Chain 1 repeats one draw 60 times, from draw 100"
        in finding(diagnose(tree(v)), "stuck-chain").evidence
    )


def test_a_few_refused_proposals_are_no_stuck_chain():
    v = {name: values.copy() for name, values in hierarchy().items()}
    for values in v.values():
        values[1, 100:115] = values[1, 100]
    assert "stuck-chain" not in codes(diagnose(tree(v)))


def test_an_indicator_may_rest_for_a_whole_chain():
    v = hierarchy() | {"included": np.zeros((CHAINS, DRAWS), int)}
    v["included"][0, 7] = v["included"][2, 70] = 1
    assert codes(diagnose(tree(v))) == []


def test_a_chain_away_from_the_others():
    v = hierarchy()
    v["mu"] = v["mu"] + np.array([0, 0, 0, 8])[:, None]
    d = diagnose(tree(v))
    assert (
        "Chain 3 stays away" in finding(d, "far-chain").evidence and "mu" in finding(d, "far-chain").evidence
    )
    assert "mend those first" in finding(d, "rhat").remedy


def test_two_camps_of_chains_are_nobodys_fault():
    v = hierarchy()
    v["mu"] = v["mu"] + np.array([0, 0, 8, 8])[:, None]
    assert set(codes(diagnose(tree(v)))) == {"rhat", "ess"}


def test_each_variable_is_named_with_bulk_and_tail():
    v = hierarchy()
    v["theta"] = np.sort(v["theta"], axis=1)
    said = finding(diagnose(tree(v)), "ess").evidence
    assert said.count("theta[") == 1 and "7 more of theta" in said and "bulk" in said and "tail" in said


def test_draws_that_are_no_numbers():
    v = hierarchy()
    v["mu"] = v["mu"].copy()
    v["mu"][0, :3] = np.nan
    d = diagnose(tree(v))
    assert codes(d) == ["not-finite"] and "mu (3 values)" in next(iter(d)).evidence


def test_rounding_is_no_movement():
    v = hierarchy() | {"diagonal": 1 + 1e-16 * noise(4)}
    v["diagonal"][:, ::2] = np.nextafter(1.0, 2)
    d = diagnose(tree(v))
    assert codes(d) == [] and "10 quantities" in d.examined


def test_three_draws_say_nothing():
    few = {name: values[:, :3] for name, values in hierarchy().items()}
    d = diagnose(tree(few, {}))
    assert codes(d) == ["few-draws"] and not d.trustworthy


def test_short_runs_are_judged_by_what_chance_does():
    """Of 40 quantities of 300 draws a chain, hardly correlated, some R-hat passes 1.01 by chance."""
    judged = []
    for seed in range(3):
        x = noise(seed, 40, draws=300)
        x[:, 1:] += 0.25 * x[:, :-1]
        judged.append(diagnose(tree({"x": x}, {})))
    assert [codes(d) for d in judged] == [[]] * 3
    assert any(float(re.search(r"R-hat (\S+),", d.examined)[1]) > 1.01 for d in judged)


# The sampler's own words


def test_energy_that_moves_too_slowly():
    assert codes(diagnose(tree(stats=statistics(energy=noise().cumsum(1))))) == ["energy"]


@pytest.mark.parametrize(
    "given",
    [
        {"tree_depth": np.where(rng(0).random((CHAINS, DRAWS)) < 0.05, 10, 4)},
        {"tree_depth": None, "n_steps": np.where(rng(0).random((CHAINS, DRAWS)) < 0.05, 1023, 15)},
        {"reached_max_treedepth": rng(0).random((CHAINS, DRAWS)) < 0.05},
    ],
)
def test_trajectories_cut_off(given):
    d = diagnose(tree(stats=statistics(**given)))
    assert codes(d) == ["tree-depth"] and "% of a chain" in next(iter(d)).evidence


@pytest.mark.parametrize(
    "given",
    [
        {"tree_depth": np.full((CHAINS, DRAWS), 9)},
        {"tree_depth": None, "n_steps": np.full((CHAINS, DRAWS), 511)},
        {
            "tree_depth": np.full((CHAINS, DRAWS), 10),
            "reached_max_treedepth": np.zeros((CHAINS, DRAWS), bool),
        },
        {"tree_depth": np.where(np.arange(DRAWS) == 7, 12, np.full((CHAINS, DRAWS), 11))},
    ],
)
def test_trajectories_that_end_by_themselves(given):
    """The last: their limit was 12 or more, since one tree is that deep."""
    assert codes(diagnose(tree(stats=statistics(**given)))) == []


OFTEN = rng(0).random((CHAINS, DRAWS)) < 0.05


@pytest.mark.parametrize(
    ("given", "examined"),
    [
        ({"acceptance_rate": np.full((CHAINS, DRAWS), 0.4)}, []),
        ({"acceptance_rate": np.full((CHAINS, DRAWS), 0.4), "energy": noise()}, ["energy", "acceptance"]),
        ({"acceptance_rate": np.full((CHAINS, DRAWS), np.nan), "energy": noise()}, ["energy"]),
        ({"energy": np.full((CHAINS, DRAWS), np.inf)}, []),
        ({"n_steps": np.where(OFTEN, 1023, 15)}, ["tree depth"]),
        ({"reached_max_treedepth": OFTEN}, ["tree depth"]),
        ({"diverging": OFTEN}, ["divergences"]),
    ],
)
def test_what_was_examined_is_what_the_rules_could_judge(given, examined):
    d = diagnose(tree(stats=given))
    every = ["divergences", "energy", "tree depth", "acceptance"]
    assert [what for what in every if what in d.looked_at] == examined
    left_out = " ".join(d.not_looked_at)
    assert [what for what in every if what not in left_out] == examined
    assert {f.code for f in d} & {"divergences", "tree-depth", "acceptance"} <= {
        what.replace(" ", "-") for what in examined
    }


def accepted(first):
    return statistics(acceptance_rate=np.repeat([[first], [0.85], [0.85], [0.85]], DRAWS, 1))


@pytest.mark.parametrize(
    "rate, aim, expected",
    [(0.4, None, ["acceptance"]), (0.65, None, []), (0.65, 0.9, ["acceptance"]), (0.99, None, [])],
)
def test_acceptance_far_from_its_aim(rate, aim, expected):
    attrs = {} if aim is None else {"target_accept": aim}
    d = diagnose(tree(stats=accepted(rate), **attrs))
    assert codes(d) == expected
    assert all(f"Chain 0 accepts {rate:.2f}" in f.evidence for f in d)


def test_acceptance_above_its_aim_is_slow_not_wrong():
    d = diagnose(tree(stats=accepted(0.99), target_accept=0.8))
    assert codes(d) == ["acceptance"] and d.ok


def test_a_sampler_without_trajectories_has_no_acceptance_to_aim_at():
    assert codes(diagnose(tree(stats={"acceptance_rate": np.full((CHAINS, DRAWS), 0.23)}))) == []


# Floors and ceilings


def binary(successes, sizes, start=0):
    index = np.repeat(np.arange(len(sizes)), sizes)
    y = np.concatenate([np.arange(n) < k for k, n in zip(successes, sizes, strict=True)]).astype(int)
    return {"y": y}, {"level": index + start}


@pytest.mark.parametrize("start", [0, 1])
def test_levels_at_an_edge(start):
    y, level = binary([3, 0, 5, 2, 1, 2, 3, 4], [6, 5, 5, 4, 4, 4, 6, 6], start)
    d = diagnose(tree(observed=y, constant=level))
    said = finding(d, "edges")
    assert d.ok and "2 of 8 levels of school" in said.evidence
    assert "at the floor: B (n 5)" in said.evidence and "at the ceiling: C (n 5)" in said.evidence


def test_a_level_without_rows_is_at_no_edge():
    y, level = binary([3, 0, 5, 2, 1, 0, 3, 4], [6, 5, 5, 4, 4, 0, 6, 6])
    assert "2 of 8 levels" in finding(diagnose(tree(observed=y, constant=level)), "edges").evidence


@pytest.mark.parametrize(
    "last, said",
    [
        ((3, 4), "The 2 inside do not bound the sd"),
        ((6, 4), "The 1 inside does not bound"),
        ((6, 6), "None is inside to bound"),
    ],
)
def test_few_levels_inside_do_not_bound_the_sd(last, said):
    y, level = binary([0, 0, 5, 4, 4, 0, *last], [6, 5, 5, 4, 4, 4, 6, 6])
    d = diagnose(tree(observed=y, constant=level))
    assert finding(d, "edges").severity == "warning" and said in finding(d, "edges").evidence


def test_one_level_at_an_edge_is_one():
    y, level = binary([3, 0, 2, 2, 1, 2, 3, 4], [6, 5, 5, 4, 4, 4, 6, 6])
    said = finding(diagnose(tree(observed=y, constant=level)), "edges").evidence
    assert "1 of 8 levels of school has all of y" in said and said.endswith(
        "only pooling keeps its effects finite."
    )


def test_levels_inside_are_no_finding():
    y, level = binary([3] * 8, [6] * 8)
    d = diagnose(tree(observed=y, constant=level))
    assert codes(d) == [] and "y at its edges by school" in d.coverage


def test_responses_without_levels_are_not_examined():
    assert "which level each row has" in diagnose(tree(observed={"y": [0, 1, 0, 1]})).coverage
