"""Decoupling: learn features and classifier apart."""

from __future__ import annotations

from pydantic import Field

from methods.base import NetworkMethod
from methods.registry import register
from methods.sampling import class_balanced
from methods.stages import Stage


@register("crt", family="decoupling", source="Kang et al. 2020")
class CRT(NetworkMethod):
    """Classifier re-training: cross-entropy; then a new classifier on frozen features, classes sampled alike."""

    second_share: float = Field(default=0.15, gt=0, lt=1)

    def stages(self) -> list[Stage]:
        """Features, then classifier."""
        return [
            Stage(share=1 - self.second_share),
            Stage(share=self.second_share, trainable=("classifier",), sampling=class_balanced, restart=("classifier",)),
        ]
