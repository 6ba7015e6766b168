"""Numbers of one cell's stored scores under another prior, other costs and other thresholds; nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.special import log_softmax
from scipy.stats import rankdata
from sklearn.metrics import roc_curve

Array = np.ndarray
BINS = 15


@dataclass(frozen=True)
class Use:
    """Where a method will be used.

    Attributes:
        prior: (C,) shares of the classes there, which add to 1.
        miss: cost of a missed defect (class 1 taken for class 0); two classes only.
        false_alarm: cost of a false alarm.
    """

    prior: Array
    miss: float = 1.0
    false_alarm: float = 1.0


def corrected(logits: Array, trained: Array, prior: Array) -> Array:
    """Move log probabilities (M, C) from the prior a method was trained to to another one (Saerens et al. 2002)."""
    shift = np.log(np.maximum(prior, 1e-12)) - np.log(np.maximum(trained, 1e-12))
    return np.asarray(log_softmax(log_softmax(logits.astype(np.float64), axis=1) + shift, axis=1))


def weights(labels: Array, prior: Array) -> Array:
    """Weigh test images (M,) so that the classes have the shares of `prior`; the weights add to 1."""
    counts = np.bincount(labels, minlength=len(prior)).astype(float)
    each = (prior / np.maximum(counts, 1))[labels]
    return np.asarray(each / each.sum())


def brier(logits: Array, labels: Array, use: Use, trained: Array) -> float:
    """Return the Brier score (sum over classes) of the corrected probabilities at the prior of the use."""
    probabilities = np.exp(corrected(logits, trained, use.prior))
    errors = ((probabilities - np.eye(len(use.prior))[labels]) ** 2).sum(axis=1)
    return float(weights(labels, use.prior) @ errors)


def judge(logits: Array, labels: Array, use: Use, trained: Array) -> dict[str, float]:
    """Judge scores at the prior and costs of their use.

    Args:
        logits: (M, C).
        labels: (M,) int64.
        use: where the method will be used.
        trained: (C,) the prior that its probabilities are taken to be for.

    Returns:
        `deployed_accuracy`, `brier`, `deployed_ece`, and for two classes `expected_cost` (an image),
        `deployed_precision`, `recall_at_1` and `recall_at_5` (at 1 and 5 % false alarms); NaN for more classes.
    """
    log_p, weight = corrected(logits, trained, use.prior), weights(labels, use.prior)
    probabilities = np.exp(log_p)
    predicted = log_p.argmax(1)
    result = dict.fromkeys(("expected_cost", "deployed_precision", "recall_at_1", "recall_at_5"), float("nan"))
    if len(use.prior) == 2:
        alarm = log_p[:, 1] - log_p[:, 0] > np.log(use.false_alarm / use.miss)
        predicted = alarm.astype(int)
        missed, false = weight[(labels == 1) & ~alarm].sum(), weight[(labels == 0) & alarm].sum()
        hit = weight[(labels == 1) & alarm].sum()
        result["expected_cost"] = float(use.miss * missed + use.false_alarm * false)
        result["deployed_precision"] = float(hit / (hit + false)) if hit + false > 0 else float("nan")
        for share in (1, 5):
            result[f"recall_at_{share}"] = recall_at(logits[:, 1] - logits[:, 0], labels, share / 100)
    result["deployed_accuracy"] = float(weight @ (predicted == labels))
    result["brier"] = brier(logits, labels, use, trained)
    result["deployed_ece"] = _calibration(probabilities, labels, weight)
    return result


def recall_at(scores: Array, labels: Array, false_alarms: float) -> float:
    """Return the largest recall of class 1 at a threshold with at most this share of false alarms."""
    if len(np.unique(labels)) < 2:
        return float("nan")
    false, true, _ = roc_curve(labels == 1, scores, drop_intermediate=False)
    return float(true[false <= false_alarms + 1e-12].max())


def thresholds(logits: Array, labels: Array, trained: Array) -> dict[str, float]:
    """Split a result into ranking and thresholds, which are one offset a class.

    Args:
        logits: (M, C).
        labels: (M,) int64, each class at least once.
        trained: (C,) shares of the classes in the training subset.

    Returns:
        Balanced accuracy at the method's own threshold (`own`), at the one moved from the training prior to a
        balanced one (`moved`), at the best for these very test images (`best`, which no user can know; for more than
        two classes at least that, by ascent a class at a time), `auroc` (of more than two classes the mean over
        pairs), and the `shift` of the smallest class's log odds against the largest.
    """
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    moved = log_p - np.log(trained)
    return {
        "own": _balanced_accuracy(log_p, labels),
        "moved": _balanced_accuracy(moved, labels),
        "best": max(_best(log_p, labels), _best(moved, labels)),
        "auroc": _auroc(log_p, labels),
        "shift": float(np.log(trained.max() / trained.min())),
    }


# scikit-learn's own checks of its arguments would take half the time of a report over thousands of cells


def _balanced_accuracy(scores: Array, labels: Array) -> float:
    right = scores.argmax(1) == labels
    return float(np.mean(np.bincount(labels, weights=right) / np.bincount(labels)))


def _auroc(log_p: Array, labels: Array) -> float:
    """Return the area under the ROC curve; of more than two classes the mean over pairs and over who is positive."""
    if log_p.shape[1] == 2:
        return _ranked_right(log_p[:, 1] - log_p[:, 0], labels == 1)
    pairs = permutations(range(log_p.shape[1]), 2)
    chosen = ((one, np.isin(labels, (one, other))) for one, other in pairs)
    return float(np.mean([_ranked_right(np.exp(log_p[rows, one]), labels[rows] == one) for one, rows in chosen]))


def _ranked_right(scores: Array, positive: Array) -> float:
    """Return the share of pairs of a positive and a negative that are ranked right, ties half (Mann and Whitney)."""
    some, others = int(positive.sum()), int((~positive).sum())
    return float((rankdata(scores)[positive].sum() - some * (some + 1) / 2) / (some * others))


def _best(scores: Array, labels: Array) -> float:
    """Return the balanced accuracy that offsets of the classes reach, chosen in turn on the images themselves."""
    scores, rows = scores.copy(), np.arange(len(labels))
    weight = weights(labels, np.full(scores.shape[1], 1 / scores.shape[1]))
    reached = 0.0
    while True:
        for one in range(scores.shape[1]):
            others = scores.copy()
            others[:, one] = -np.inf
            rival = others.argmax(1)
            needed = others[rows, rival] - scores[:, one]
            order = np.argsort(needed, kind="stable")
            # raising the class's offset past an image's need turns the image over from its rival
            gained = weight * ((labels == one).astype(float) - (labels == rival))
            total = np.concatenate([[0.0], np.cumsum(gained[order])]) + weight @ (labels == rival)
            needed = needed[order]
            possible = np.flatnonzero(np.concatenate([[True], needed[1:] > needed[:-1], [True]]))
            cut = int(possible[total[possible].argmax()])
            ends = np.concatenate([[needed[0] - 2], needed, [needed[-1] + 2]])
            scores[:, one] += (ends[cut] + ends[cut + 1]) / 2
        now = float(total[cut])
        if now <= reached + 1e-12:
            return max(now, reached)
        reached = now


def _calibration(probabilities: Array, labels: Array, weight: Array) -> float:
    """Return the expected calibration error at the weights of the images."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(at, weights=weight * (correct - confidence), minlength=BINS)).sum())
