"""A method with two networks: a student that learns, a teacher that is the running average of its weights.

`python -m benchmarks.run --all --plugin examples/mean_teacher.py --method mean-teacher --method cross-entropy` runs it.
"""

import copy

import torch
from pydantic import Field, NonNegativeFloat
from torch.nn import functional as F

import methods

LEARNING = ("trunk", "head", "classifier")


@methods.register("mean-teacher", family="ensemble", source="Tarvainen & Valpola 2017")
class MeanTeacher(methods.NetworkMethod):
    """CE + weight * mean squared distance of the student's probabilities to the teacher's; the teacher predicts."""

    decay: float = Field(default=0.95, ge=0, lt=1)
    weight: NonNegativeFloat = 1.0

    def network(self, context, train):
        """The comparison's network; its teacher, which begins alike, is a part of it."""
        network = super().network(context, train)
        network.teacher = copy.deepcopy(network)
        return network

    def stages(self):
        """The student learns; the teacher moves without gradients, with dropout and batch statistics of its own."""
        return [methods.Stage(trainable=LEARNING, moving=("teacher",))]

    def loss(self, network, batch, counts, progress):
        """What is asked of the student on one batch."""
        logits = network(batch.inputs)
        with torch.no_grad():
            wanted = network.teacher(batch.inputs).softmax(1)
        return F.cross_entropy(logits, batch.targets) + self.weight * F.mse_loss(logits.softmax(1), wanted)

    def after_step(self, network, batch, counts, progress):
        """Move the teacher towards the student."""
        student = dict(network.named_parameters())
        for name, parameter in network.teacher.named_parameters():
            parameter.lerp_(student[name], 1 - self.decay)

    def finish(self, network, train, context):
        """Put the teacher in the student's place."""
        for name in LEARNING:
            setattr(network, name, getattr(network.teacher, name))
        del network.teacher
