"""Images in: named datasets, decoded once to a cache, split and made imbalanced."""

from importlib import import_module
from pkgutil import iter_modules

from datasets.base import (
    Dataset,
    DatasetUnavailable,
    Found,
    ImageSet,
    Index,
    UserError,
    availability,
    cache_root,
    data_root,
    listed_once,
)
from datasets.cache import known_content, known_index, load, what_changed
from datasets.development import development_rows
from datasets.imbalance import UnsupportedRatio, class_counts, subset
from datasets.levels import PROTOCOLS, Level, Protocol
from datasets.listing import FileDataset, Listing
from datasets.registry import canonical, create, expand, get, names, register, usages
from datasets.seeds import generator
from datasets.splits import Split, index_hash, split
from datasets.storage import build_array

# Every module of the folder registers its datasets.
for _module in iter_modules(import_module("datasets.sources").__path__):
    import_module(f"datasets.sources.{_module.name}")

__all__ = [
    "PROTOCOLS",
    "Dataset",
    "DatasetUnavailable",
    "FileDataset",
    "Found",
    "ImageSet",
    "Index",
    "Level",
    "Listing",
    "Protocol",
    "Split",
    "UnsupportedRatio",
    "UserError",
    "availability",
    "build_array",
    "cache_root",
    "canonical",
    "class_counts",
    "create",
    "data_root",
    "development_rows",
    "expand",
    "generator",
    "get",
    "index_hash",
    "known_content",
    "known_index",
    "listed_once",
    "load",
    "names",
    "register",
    "split",
    "subset",
    "usages",
    "what_changed",
]
