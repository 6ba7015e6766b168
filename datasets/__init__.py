"""Images in: named datasets, decoded once to a cache, split and made imbalanced."""

from datasets.base import Dataset, DatasetUnavailable, ImageSet, Index, UserError, data_root
from datasets.registry import create, expand, names, register, register_prefix, usages

__all__ = [
    "Dataset",
    "DatasetUnavailable",
    "ImageSet",
    "Index",
    "UserError",
    "create",
    "data_root",
    "expand",
    "names",
    "register",
    "register_prefix",
    "usages",
]
