"""Any sampler of imbalanced-learn on feature vectors, with what it lacks for very small classes.

- Neighbours: k is clipped to n_c - 1 for each class apart, so that one small class does not lessen k for the others.
- A class with one image has no neighbour: its image is duplicated.
- Where a sampler finds nothing to generate (ADASYN, KMeansSMOTE, BorderlineSMOTE), images are duplicated instead.
- A class that a cleaning sampler would remove entirely is kept.

Each of these is said in the log.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Rows = tuple[Features, Labels]

NEIGHBOURS = ("k_neighbors", "n_neighbors")
CATEGORICAL = ("SMOTEN", "SMOTENC")
"""These are for categorical columns; image features have none."""


def sampler_names() -> list[str]:
    """Return the class names of imbalanced-learn's samplers that take continuous features."""
    from imblearn import combine, over_sampling, under_sampling

    names = [name for module in (over_sampling, under_sampling, combine) for name in module.__all__]
    return sorted(set(names) - set(CATEGORICAL))


def ensemble_names() -> list[str]:
    """Return the class names of imbalanced-learn's ensembles."""
    from imblearn import ensemble

    return sorted(ensemble.__all__)


def find(name: str) -> type[Any]:
    """Return the sampler or ensemble class of that name."""
    from imblearn import combine, ensemble, over_sampling, under_sampling

    found: type[Any] = next(
        getattr(m, name) for m in (over_sampling, under_sampling, combine, ensemble) if hasattr(m, name)
    )
    return found


def defaults(name: str) -> dict[str, Any]:
    """Return the constructor's parameters and their defaults."""
    return {key: parameter.default for key, parameter in inspect.signature(find(name)).parameters.items()}


def build(name: str, parameters: dict[str, Any], seed: int) -> Any:
    """Make a sampler or an ensemble; its random state is `seed` where it has one.

    Raises:
        ValueError: it does not take one of the parameters.
    """
    known = defaults(name)
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise ValueError(f"imblearn:{name} has no parameter {unknown[0]!r}; it takes {', '.join(known)}")
    return find(name)(**({"random_state": seed % 2**32} if "random_state" in known else {}), **parameters)


@dataclass(frozen=True)
class Resampler:
    """Resamples features with one of imbalanced-learn's samplers.

    Attributes:
        name: class name of the sampler.
        parameters: of its constructor; neighbours are clipped to what the classes allow.
        seed: its random state.
        log: where fallbacks are said.
    """

    name: str
    parameters: dict[str, Any]
    seed: int
    log: logging.Logger

    def __call__(self, x: Features, y: Labels) -> Rows:
        """Map (N, D) features and (N,) labels to (M, D) and (M,)."""
        if len(np.unique(y)) < 2:
            return x, y
        build(self.name, self.parameters, self.seed)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            out = self._fill_up(x, y) if self._fills_up() else self._in_one_call(x, y)
        for text in sorted({str(warning.message) for warning in said}):
            self.log.warning("imblearn:%s: %s", self.name, text)
        return out

    def _fills_up(self) -> bool:
        """Say whether rows are only added, up to the largest class."""
        over = getattr(find(self.name), "_sampling_type", "") == "over-sampling" and "smote" not in defaults(self.name)
        return over and "sampling_strategy" not in self.parameters

    def _fill_up(self, x: Features, y: Labels) -> Rows:
        """Add rows: a call for each number of neighbours that the classes' sizes allow."""
        classes, counts = np.unique(y, return_counts=True)
        most, wanted = int(counts.max()), self._neighbours()
        parts = [(x, y)]
        for k in range(1, wanted + 1):
            small = (counts < most) & (counts > 1) & (_clip(wanted, counts) == k)
            if small.any():
                parts.append(self._generate(x, y, dict.fromkeys(classes[small].tolist(), most), k))
        return self._duplicate(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), y)

    def _generate(self, x: Features, y: Labels, target: dict[int, int], k: int) -> Rows:
        """Return the new rows of the classes in `target`; none where the sampler fails."""
        try:
            new_x, new_y = self._build(k, len(y), {"sampling_strategy": target}).fit_resample(x, y)
        except (ValueError, RuntimeError) as error:
            self.log.warning("imblearn:%s: classes %s: %s", self.name, sorted(target), _first_line(error))
            return x[:0], y[:0]
        return new_x[len(x) :], new_y[len(y) :]

    def _duplicate(self, x: Features, y: Labels, before: Labels) -> Rows:
        """Fill classes that got nothing new by repeating their images at random."""
        classes, counts = np.unique(before, return_counts=True)
        rng, rows = np.random.default_rng(self.seed), [np.arange(len(y))]
        same = {c: n for c, n in zip(classes, counts, strict=True) if n < counts.max() and (y == c).sum() == n}
        for label, n in same.items():
            rows.append(rng.choice(np.flatnonzero(y == label), counts.max() - n))
        if same:
            self.log.warning(
                "imblearn:%s: nothing to generate for classes %s; duplicated", self.name, [*map(int, same)]
            )
        return x[np.concatenate(rows)], y[np.concatenate(rows)]

    def _in_one_call(self, x: Features, y: Labels) -> Rows:
        """Undersamplers, cleaners, combinations."""
        classes, counts = np.unique(y, return_counts=True)
        k = self._clipped(counts)
        alone = classes[counts == 1] if "smote" in defaults(self.name) else classes[:0]
        if alone.size:
            self.log.warning("imblearn:%s: classes %s have one image; duplicated", self.name, alone.tolist())
        rows = np.concatenate([np.arange(len(y)), np.repeat(np.flatnonzero(np.isin(y, alone)), k)])
        try:
            new_x, new_y = self._build(k, len(rows), {}).fit_resample(x[rows], y[rows])
        except (ValueError, RuntimeError) as error:
            self.log.warning("imblearn:%s changed nothing: %s", self.name, _first_line(error))
            return x, y
        lost = np.isin(y, np.setdiff1d(classes, new_y))
        if lost.any():
            self.log.warning("imblearn:%s would remove classes %s; kept", self.name, np.unique(y[lost]).tolist())
        return np.concatenate([new_x, x[lost]]), np.concatenate([new_y, y[lost]])

    def _neighbours(self) -> int:
        """Return how many neighbours the caller or the sampler's default asks for; 1 where it looks at none."""
        known = {**defaults(self.name), **self.parameters}
        if "smote" in known:
            wanted: int = getattr(known["smote"], "k_neighbors", defaults("SMOTE")["k_neighbors"])
            return wanted
        return next((known[key] for key in NEIGHBOURS if isinstance(known.get(key), int)), 1)

    def _clipped(self, counts: NDArray[np.int64]) -> int:
        """Return k for one call over all classes; cleaning looks for neighbours among all images."""
        kind = getattr(find(self.name), "_sampling_type", "")
        if kind == "under-sampling":
            return min(self._neighbours(), int(counts.min()))
        return int(_clip(self._neighbours(), counts.sum() if kind == "clean-sampling" else _least_pair(counts)))

    def _build(self, k: int, n: int, more: dict[str, Any]) -> Any:
        """Make the sampler with k neighbours, and no more than n - 1 where it looks at all classes' images."""
        known = defaults(self.name)
        changed = {**self.parameters, **more, **{key: k for key in NEIGHBOURS if key in known}}
        if "m_neighbors" in known:
            changed["m_neighbors"] = int(_clip(changed.get("m_neighbors", known["m_neighbors"]), n))
        if "smote" in known:
            strategy = changed.get("sampling_strategy", "auto")
            smote = changed.get("smote") or find("SMOTE")()
            parameters = {**smote.get_params(), "sampling_strategy": strategy, "k_neighbors": k}
            changed["smote"] = type(smote)(**{**parameters, "random_state": self.seed % 2**32})
        return build(self.name, changed, self.seed)


def _clip(k: Any, n: Any) -> Any:
    """Return k neighbours, or as many as n images have."""
    return np.clip(np.minimum(k, np.asarray(n) - 1), 1, None)


def _least_pair(counts: NDArray[np.int64]) -> int:
    """Return the size of the smallest class that has neighbours at all."""
    return int(counts[counts > 1].min(initial=counts.max()))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
