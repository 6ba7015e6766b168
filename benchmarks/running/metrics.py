"""Metrics of one cell, all from scikit-learn and imbalanced-learn but for the calibration error, which neither has."""

from __future__ import annotations

import numpy as np
from imblearn.metrics import geometric_mean_score
from scipy.special import softmax
from sklearn import metrics as sk

from benchmarks.records.store import Metrics

BINS = 15


def compute(logits: np.ndarray, labels: np.ndarray) -> Metrics:
    """Compute all metrics.

    Args:
        logits: (M, C) float.
        labels: (M,) int64; a class that has no test image has no recall, and no part in the means over classes.
    """
    classes, present = np.arange(logits.shape[1]), np.unique(labels)
    probabilities = softmax(logits.astype(np.float64), axis=1)
    predicted = logits.argmax(1)
    recall = dict(zip(present, sk.recall_score(labels, predicted, labels=present, average=None), strict=True))
    return Metrics(
        accuracy=sk.accuracy_score(labels, predicted),
        balanced_accuracy=float(np.mean(list(recall.values()))),
        macro_f1=sk.f1_score(labels, predicted, labels=present, average="macro", zero_division=0),
        g_mean=float(geometric_mean_score(labels, predicted, labels=present, average="multiclass")),
        mcc=sk.matthews_corrcoef(labels, predicted),
        roc_auc=_per_class(sk.roc_auc_score, labels, probabilities),
        average_precision=_per_class(sk.average_precision_score, labels, probabilities),
        ece=calibration_error(probabilities, labels),
        recall=[float(recall[c]) if c in recall else None for c in classes],
        confusion=sk.confusion_matrix(labels, predicted, labels=classes).tolist(),
    )


def _per_class(score, labels: np.ndarray, probabilities: np.ndarray) -> float | None:  # type: ignore[no-untyped-def]
    """Return the mean over the classes, each against the rest; None where a class has no test image.

    With two classes: of class 1, the minority or defect class, as usual.
    """
    n_classes = probabilities.shape[1]
    if len(np.unique(labels)) < n_classes:
        return None
    positive = [1] if n_classes == 2 else range(n_classes)
    return float(np.mean([score(labels == c, probabilities[:, c]) for c in positive]))


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error (Guo et al. 2017) over equal-width bins of the confidence.

    Args:
        probabilities: (M, C).
        labels: (M,).
        bins: number of bins.
    """
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == labels
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(at, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
