"""The estimator: a linear mixed model over methods, datasets and levels, as a Gaussian process.

Write e for a method's effect at one place: its mean over seeds less the median of the methods there, divided by how far
methods lie apart at that place. Over places p and q,

    cov(e_p, e_q) = a + b [same dataset] + k [same kind] + (c + d [same dataset]) near(p, q) + r [p = q]

where near(p, q) = exp(-(log n_p - log n_q)^2 / 2 l^2) with n training images of the smallest class, and the kind is
whether there are two classes or more. Methods are independent given the hyperparameters. a, b, k, c, d, r (which add to
1) and l are found by maximum likelihood on the other datasets alone. How well they speak for this one is a correlation
rho between their effects and this dataset's, which is integrated out over a grid: where the images at hand contradict
experience, experience loses its weight. The noise of a mean over seeds is estimated from the seeds, each method's
variance drawn towards the mean of all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from benchmarks.report.advice.places import Place
from benchmarks.report.data.origin import base_name, image_sets, share_images

RHO = np.array([0.0, 0.3, 0.6, 0.8, 0.95])
"""Correlations of this dataset's effects with the others'; all equally likely beforehand."""
PRIOR_SEEDS = 4.0
"""The mean variance of all methods weighs as much as so many degrees of freedom of one method's own."""
FLOOR = 0.1
"""A place's scale is at least this share of its noise, in variance, and a tenth of a point."""
MISSING = 1e6
"""Noise of an effect that was not measured."""
START = np.zeros(7)
"""Logarithms of a, b, k, c, d, r (but for a constant) and of l, where the search begins."""
Array = np.ndarray
Relations = tuple[Array, Array, Array, Array]
"""Of places (P, Q): same dataset, same kind, squared difference of log images, same place."""


@dataclass(frozen=True)
class Effects:
    """Effects at places, scaled.

    Attributes:
        at: the P places.
        methods: the M methods.
        scaled: (P, M) effects over `scale`; 0 where not measured.
        noise: (P, M) variance of each, in the same unit squared.
        scale: (P,) points.
    """

    at: list[Place]
    methods: list[str]
    scaled: Array
    noise: Array
    scale: Array


@dataclass(frozen=True)
class _Known:
    """Other datasets' effects, None where there are none, the variance of one run there, and how many datasets."""

    effects: Effects | None
    typical: float
    datasets: int


@dataclass(frozen=True)
class _Said:
    """What other datasets say of some places: mean (M, L), and the covariance (M, L, L) that they explain."""

    mean: Array | float
    explained: Array | float


@dataclass
class Posterior:
    """What is believed of each method's effect at the levels of one dataset, in points.

    Attributes:
        methods: the M methods.
        at: the L places.
        mean: (M, L).
        draws: (D, M, L) from the joint distribution over levels.
        prior: (M, L) mean from the other datasets alone.
        rho: expected correlation with the other datasets; NaN where there are none.
        datasets: how many other datasets speak.
    """

    methods: list[str]
    at: list[Place]
    mean: Array
    draws: Array
    prior: Array
    rho: float = float("nan")
    datasets: int = 0


@dataclass
class Estimator:
    """Fits hyperparameters once for each set of other datasets and methods.

    Attributes:
        others: places of other datasets.
        draws: how many draws describe the posterior.
    """

    others: Sequence[Place]
    draws: int = 2000
    _fitted: dict[tuple[object, ...], Array] = field(default_factory=dict)
    _known: dict[tuple[str, ...], _Known] = field(default_factory=dict)
    _said: dict[tuple[object, ...], _Said] = field(default_factory=dict)

    def posterior(self, mine: Sequence[Place], use_mine: bool = True, draw: bool = True) -> Posterior:
        """Combine what was measured at some places of one dataset with what is known from the other datasets.

        Args:
            mine: the places, all of one dataset; what has images of it among `others` is left out.
            use_mine: False for what the other datasets alone would say.
            draw: whether draws are wanted, which take most of the time.
        """
        names = sorted(set().union(*(place.values.index for place in mine)))
        here = base_name(mine[0].dataset)
        key = (here, *names)
        if key not in self._known:
            self._known[key] = _known(self.others, here, names)
        known = self._known[key]
        own = effects(mine, names, known.typical)
        weights = self._hyperparameters(known.effects)
        rng, count = np.random.default_rng(20210512), self.draws if draw else 0
        kernel = _kernel(_relations(own.at, own.at), weights)
        if known.effects is None:
            mean, cov = _condition(own, kernel, _Said(0.0, 0.0), 0.0)[:2]
            return _with_draws(names, mine, own.scale, [mean], [cov], np.ones(1), np.zeros_like(mean), rng, count)
        at = (*key, *((place.dataset, place.protocol, place.level) for place in mine))
        if at not in self._said:
            self._said[at] = _say(known.effects, own.at, weights)
        said = self._said[at]
        rhos = RHO if use_mine else np.array([RHO[-1]])
        parts = [_condition(own, kernel, said, float(rho), use_mine) for rho in rhos]
        evidence = np.array([part[2] for part in parts])
        share = np.exp(evidence - evidence.max())
        share /= share.sum()
        prior = _condition(own, kernel, said, float(share @ rhos), use_mine=False)[0]
        means, covs = [part[0] for part in parts], [part[1] for part in parts]
        made = _with_draws(names, mine, own.scale, means, covs, share, prior, rng, count)
        made.rho, made.datasets = float(share @ rhos), known.datasets
        return made

    def _hyperparameters(self, known: Effects | None) -> Array:
        if known is None or len(set(image_sets(place.dataset for place in known.at).values())) < 2:
            return START
        key = (*known.methods, *((p.dataset, p.protocol, p.level) for p in known.at))
        if key not in self._fitted:
            noise = known.noise.mean(axis=1)
            relations = _relations(known.at, known.at)
            found = minimize(_loss, START, args=(relations, known.scaled, noise), method="L-BFGS-B")
            self._fitted[key] = found.x
        return self._fitted[key]


def effects(at: Sequence[Place], methods: Sequence[str], typical: float) -> Effects:
    """Reduce places to scaled effects; `typical` is the variance of one run where a place has one seed only.

    A method far behind is no less use than one farther behind: effects are cut where they lie as far below the median
    as the best lies above.
    """
    scaled, noise, scale = [], [], []
    for place in at:
        values = place.values.reindex(list(methods))
        effect, variance = _reduce(values.to_numpy(float), typical)
        measured = np.isfinite(effect)
        size = float(np.mean(effect[measured] ** 2) - np.mean(variance[measured]))
        least = max(FLOOR * float(np.mean(variance[measured])), 0.01)
        unit = float(np.sqrt(max(size, least)))
        scaled.append(np.where(measured, effect / unit, 0.0))
        noise.append(np.where(measured, variance / unit**2, MISSING))
        scale.append(unit)
    return Effects(list(at), list(methods), np.array(scaled), np.array(noise), np.array(scale))


def run_variance(values: Array) -> tuple[Array, float]:
    """Return each method's variance from run to run, drawn towards the mean of all, and that mean.

    Args:
        values: (M, S) points, NaN where missing; what all methods share in a seed is taken out.
    """
    usable = np.isfinite(values).all(axis=1)
    n, seeds = int(usable.sum()), values.shape[1]
    if n < 2 or seeds < 2:
        return np.full(len(values), np.nan), float("nan")
    whole = values[usable]
    rest = whole - whole.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=0, keepdims=True)
    each = (rest**2).sum(axis=1) / (seeds - 1) * n / (n - 1)
    mean = float(each.mean())
    drawn = np.full(len(values), mean)
    drawn[usable] = (PRIOR_SEEDS * mean + (seeds - 1) * each) / (PRIOR_SEEDS + seeds - 1)
    return drawn, mean


def _reduce(values: Array, typical: float) -> tuple[Array, Array]:
    """Return effects (M,) and the variances of their means (M,); NaN where a method has no run."""
    runs = np.isfinite(values).sum(axis=1)
    usable = np.isfinite(values).all(axis=1)
    shared = np.median(values[usable], axis=0) if usable.any() else np.nanmedian(values, axis=0)
    rest = values - shared
    effect = np.full(len(values), np.nan)
    effect[runs > 0] = np.nanmean(rest[runs > 0], axis=1)
    effect -= np.nanmedian(effect)
    effect = np.maximum(effect, -max(float(np.nanmax(effect)), 0.0))
    effect -= np.nanmean(effect)
    variance, mean = run_variance(values)
    if not np.isfinite(mean):
        # half of what lies between the methods is taken for noise where nothing says how much it is
        fallback = typical if np.isfinite(typical) else float(np.nanmean(effect**2)) / 2
        variance = np.full(len(values), fallback)
    return effect, variance / np.maximum(runs, 1)


def _typical_noise(at: Sequence[Place]) -> float:
    means = [run_variance(place.values.to_numpy(float))[1] for place in at]
    known = [mean for mean in means if np.isfinite(mean)]
    return float(np.mean(known)) if known else float("nan")


def _known(places: Sequence[Place], here: str, names: Sequence[str]) -> _Known:
    """Gather what is known of some methods from datasets that have no image in common with this one."""
    others = [p for p in places if not share_images(p.dataset, here)]
    others = [p for p in others if len(p.values.index.intersection(list(names))) > 1]
    typical = _typical_noise(others)
    found = effects(others, names, typical) if others else None
    return _Known(found, typical, len(set(image_sets(place.dataset for place in others).values())))


def _relations(at: Sequence[Place], other: Sequence[Place]) -> Relations:
    """Say how places are related to others."""
    base = image_sets(place.dataset for place in (*at, *other))

    def equal(of: Callable[[Place], Hashable]) -> Array:
        known: dict[Hashable, int] = {}
        codes = [[known.setdefault(of(place), len(known)) for place in group] for group in (at, other)]
        return np.equal.outer(*codes).astype(float)

    log = [np.log([place.fewest for place in group]) for group in (at, other)]
    return (
        equal(lambda place: base[place.dataset]),
        equal(lambda place: place.two_classes),
        np.subtract.outer(*log) ** 2,
        equal(lambda place: (place.dataset, place.protocol, place.level)),
    )


def _kernel(relations: Relations, weights: Array) -> Array:
    """Return the covariance between the effects at places (P, Q)."""
    same, alike, apart, identical = relations
    share = np.exp(weights[:-1] - weights[:-1].max())
    everywhere, here, kind, near, near_here, alone = share / share.sum()
    # a step of the search may lie far out, where no length between e^-10 and e^10 is told from these
    close = np.exp(-0.5 * apart / np.exp(2 * np.clip(weights[-1], -10, 10)))
    return np.asarray(everywhere + here * same + kind * alike + (near + near_here * same) * close + alone * identical)


def _loss(weights: Array, relations: Relations, scaled: Array, noise: Array) -> float:
    """Return the negative log likelihood, with a wide normal prior on the weights' logarithms."""
    factor = np.linalg.cholesky(_kernel(relations, weights) + np.diag(noise + 1e-6))
    whitened = np.linalg.solve(factor, scaled)
    fit = 0.5 * float((whitened**2).sum()) + scaled.shape[1] * float(np.log(np.diag(factor)).sum())
    return float(fit + 0.5 * ((weights / 3) ** 2).sum())


def _say(known: Effects, at: list[Place], weights: Array) -> _Said:
    """Predict the effects at some places from those known; this is the large system, and is solved once."""
    across = _kernel(_relations(at, known.at), weights)
    each = _kernel(_relations(known.at, known.at), weights) + known.noise.T[:, :, None] * np.eye(len(known.at))
    right = np.concatenate(
        [known.scaled.T[:, :, None], np.broadcast_to(across.T, (len(each), *across.T.shape))], axis=2
    )
    solved = across @ np.linalg.solve(each, right)
    return _Said(solved[:, :, 0], solved[:, :, 1:])


def _condition(
    own: Effects, kernel: Array, said: _Said, rho: float, use_mine: bool = True
) -> tuple[Array, Array, float]:
    """Return mean (M, L) and covariance (M, L, L) of the own effects, scaled, and the log evidence but a constant."""
    shape = (len(own.methods), len(own.at))
    mean = np.broadcast_to(rho * np.asarray(said.mean), shape)
    covariance = np.broadcast_to(kernel - rho**2 * np.asarray(said.explained), (*shape, shape[1]))
    if not use_mine:
        return mean, covariance, 0.0
    total = covariance + own.noise.T[:, :, None] * np.eye(shape[1])
    rest = own.scaled.T - mean
    solved = np.linalg.solve(total, np.concatenate([rest[:, :, None], covariance], axis=2))
    evidence = -0.5 * float((rest * solved[:, :, 0]).sum()) - 0.5 * float(np.linalg.slogdet(total)[1].sum())
    gained = covariance @ solved
    return mean + gained[:, :, 0], covariance - gained[:, :, 1:], evidence


def _with_draws(
    names: list[str],
    mine: Sequence[Place],
    scale: Array,
    means: list[Array],
    covs: list[Array],
    share: Array,
    prior: Array,
    rng: np.random.Generator,
    count: int,
) -> Posterior:
    draws = []
    for mean, cov, n in zip(means, covs, rng.multinomial(count, share), strict=True):
        ridge = 1e-9 * np.eye(len(scale))
        factor = np.linalg.cholesky(cov + ridge)
        draws.append(mean + np.einsum("mlk,dmk->dml", factor, rng.standard_normal((n, *mean.shape))))
    mean = np.einsum("r,rml->ml", share, np.array(means)) * scale
    return Posterior(names, list(mine), mean, np.concatenate(draws) * scale, prior * scale)


def measured_everywhere(mine: Sequence[Place]) -> pd.Index:
    """Return the methods that have a run at every place: only they can be advised for all of them."""
    names = mine[0].measured
    for place in mine[1:]:
        names = names.intersection(place.measured)
    return names
