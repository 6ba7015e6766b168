"""imbalanced-learn on deep features: its samplers and its ensembles, by class name."""

from __future__ import annotations

import inspect
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from methods import sampling
from methods.base import NetworkMethod
from methods.context import Context
from methods.data import TrainSet
from methods.loop import build_optimizer, rate, run_stages
from methods.networks import Network
from methods.registry import register


class FeatureSpace(NetworkMethod):
    """A network is trained with cross-entropy; its features are resampled, and a new classifier learns from them.

    Features are those that enter the classifier. (Resampling the frozen backbone's pooled features instead would leave
    out the layers that every other method trains, and with them most of what these can tell: it would compare networks,
    not ways of handling imbalance. `features="backbone"` does that.)
    """

    features_from: Literal["network", "backbone"] = "network"
    second_share: float = Field(default=0.15, gt=0, lt=1)
