"""Learning: methods by name, the training loop they share, networks and losses."""

from methods import (
    baseline,
    bbn,
    cgan,
    cost_sensitive,
    decoupling,
    ensemble,
    feature_ensembles,
    feature_space,
    margins,
    proposed,
    resampling,
    synthesis,
)
from methods.base import Method, NetworkMethod
from methods.context import Context
from methods.data import Batch, Images, TrainSet
from methods.registry import (
    FAMILIES,
    UnknownMethodError,
    available,
    create,
    expand,
    get,
    prefixed,
    register,
    register_prefix,
)
from methods.stages import Stage

__all__ = [
    "FAMILIES",
    "Batch",
    "Context",
    "Images",
    "Method",
    "NetworkMethod",
    "Stage",
    "TrainSet",
    "UnknownMethodError",
    "available",
    "baseline",
    "bbn",
    "cgan",
    "cost_sensitive",
    "create",
    "decoupling",
    "ensemble",
    "expand",
    "feature_ensembles",
    "feature_space",
    "get",
    "margins",
    "prefixed",
    "proposed",
    "register",
    "register_prefix",
    "resampling",
    "synthesis",
]
