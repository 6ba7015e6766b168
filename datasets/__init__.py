"""Images in: named datasets, decoded once to a cache, split and made imbalanced."""

from importlib import import_module

from datasets.base import Dataset, DatasetUnavailable, ImageSet, Index, UserError, availability, cache_root, data_root
from datasets.cache import load
from datasets.imbalance import UnsupportedRatio, class_counts, subset
from datasets.levels import PROTOCOLS, Level, Protocol
from datasets.registry import create, expand, names, register, register_prefix, usages
from datasets.seeds import generator
from datasets.splits import Split, index_hash, split
from datasets.storage import build_array

# Each registers itself; the order is that of `names()`.
for _module in ("elpv", "textures", "dagm", "mura", "magnetic_tile", "cifar", "folder", "medmnist"):
    import_module(f"datasets.sources.{_module}")

__all__ = [
    "PROTOCOLS",
    "Dataset",
    "DatasetUnavailable",
    "ImageSet",
    "Index",
    "Level",
    "Protocol",
    "Split",
    "UnsupportedRatio",
    "UserError",
    "availability",
    "build_array",
    "cache_root",
    "class_counts",
    "create",
    "data_root",
    "expand",
    "generator",
    "index_hash",
    "load",
    "names",
    "register",
    "register_prefix",
    "split",
    "subset",
    "usages",
]
