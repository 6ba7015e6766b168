"""Names of methods, datasets and protocols as people read them; files and CSV columns keep those that one types."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from benchmarks.report.data.names import OWN, dataset_title

SPELLINGS = {
    "adasyn": "ADASYN",
    "bbn": "BBN",
    "cdt": "CDT",
    "cgan": "cGAN",
    "crt": "cRT",
    "disalign": "DisAlign",
    "etf": "ETF",
    "knn": "kNN",
    "lws": "LWS",
    "mahalanobis": "Mahalanobis",
    "mislas": "MiSLAS",
    "multiscale": "Multi-scale",
    "ncm": "NCM",
    "padim": "PaDiM",
    "patchcore": "PatchCore",
    "posthoc": "Post-hoc",
    "rusboost": "RUSBoost",
    "sade": "SADE",
    "singlescale": "Single-scale",
    "smote": "SMOTE",
    "sqrt": "Square-root",
    "svm": "SVM",
    "vs": "VS",
}
"""Words as the publications write them; any other word of a method's name stands as it is."""
TITLES = {
    "borderline-smote": "Borderline-SMOTE",
    "class-balanced": "Class-balanced loss",
    "class-balanced-focal": "Class-balanced focal loss",
    "cross-entropy": "Cross-entropy",
    "few-defect-fusion": "Few-defect fusion",
    "focal": "Focal loss",
    "influence-balanced": "Influence-balanced loss",
    "label-aware-smoothing": "Label-aware smoothing",
    "ldam-drw": "LDAM-DRW",
    "logit-adjustment-sam": "Logit adjustment, SAM",
    "multiscale-two-stage": "Multi-scale two-stage",
    "multiscale-two-stage-adjusted": "Multi-scale two-stage, adjusted",
    "self-paced-ensemble": "Self-paced ensemble",
    "smote-tomek": "SMOTE-Tomek",
    "tau-norm": "τ-normalisation",
    "two-phase": "Two-phase training",
    "under-bagging": "UnderBagging",
    "weighted-cross-entropy": "Weighted cross-entropy",
}
"""Names that words alone do not give."""
DATASETS = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "elpv": "Solar cells (ELPV)",
    "magnetic_tile": "Magnetic tiles, six kinds",
    "magnetic_tile/defects": "Magnetic tiles",
    "textures": "Drawn textures",
}
FOLDERS = {"dagm": "DAGM class", "mura": "MURA", "medmnist": "MedMNIST"}
PROTOCOLS = {
    "step": "step imbalance",
    "long-tail": "long tail",
    "few": "few minority images",
    "natural": "natural imbalance",
}


@cache
def method_title(label: str) -> str:
    """Write a method's label in words: `few-defect-fusion` as Few-defect fusion, parameters in brackets kept."""
    name, bracket, rest = label.partition(" (")
    if name.startswith("imblearn:"):
        return f"{name.removeprefix('imblearn:')}{bracket}{rest}"
    if not name.isascii() or name != name.lower() or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        return label  # not a name of this suite's making
    if name in TITLES:
        return f"{TITLES[name]}{bracket}{rest}"
    first, *others = name.split("-")
    words = [SPELLINGS.get(first, first.capitalize()), *(SPELLINGS.get(word, word) for word in others)]
    return f"{' '.join(words)}{bracket}{rest}"


def listed(names: Sequence[str], most: int) -> str:
    """Name the first of some names, and count the others: `a, b and 3 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def row_title(label: str) -> str:
    """Write the head of a table's row: a method's label, maybe with `: parameter` or the mark of a published one."""
    name, colon, rest = label.partition(": ")
    name, mark, source = name.partition(" †")
    return f"{method_title(name)}{mark}{source}{colon}{rest}"


def dataset_name(dataset: str) -> str:
    """Write a dataset's name in words; a folder of the user's own goes by its last part."""
    base, settings, rest = dataset.partition(" [settings")
    name = DATASETS.get(base)
    if name is None and not base.startswith(OWN):
        for mark in ("/", ":"):
            first, found, last = base.partition(mark)
            if found and first in FOLDERS:
                name = f"{FOLDERS[first]} {last.removeprefix('XR_').replace('_', ' ').lower()}"
    if name is None:
        title = dataset_title(base)
        name = (title.partition(":")[2] if title.startswith(OWN) else title).rsplit("/", 1)[-1]
    return f"{name}{settings}{rest}"


def protocol_title(protocol: str) -> str:
    """Write a protocol in words."""
    return PROTOCOLS.get(protocol, protocol)


def place_title(dataset: str, protocol: str) -> str:
    """Write a dataset and how it was made imbalanced."""
    return f"{dataset_name(dataset)}, {protocol_title(protocol)}"
