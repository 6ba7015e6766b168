"""Inputs and the numbers that the authors' published code gives for them (CPU, float32)."""

from __future__ import annotations

import torch

LOGITS = torch.tensor([[((7 * i + 3 * j) % 11 - 5) / 2 for j in range(5)] for i in range(8)])
COSINES = LOGITS / 2.5
TARGETS = torch.tensor([0, 0, 0, 1, 1, 2, 3, 4])
COUNTS = torch.tensor([500, 200, 80, 30, 10])
FEATURES = torch.tensor([[((i + 2 * j) % 5) / 2 for j in range(4)] for i in range(8)])


class Given:
    """A network whose logits and features are given."""

    def __init__(self, logits, features=FEATURES):
        self.logits, self.known = logits, features.to(logits)

    def features(self, inputs):
        return self.known

    def classifier(self, features):
        return self.logits

    def __call__(self, inputs):
        return self.logits


CLASS_BALANCED_WEIGHTS = torch.tensor([0.066970, 0.164948, 0.409908, 1.090361, 3.267813])
LDAM_MARGINS = torch.tensor([0.188030, 0.236435, 0.297302, 0.379918, 0.5])
SMOOTHING = torch.tensor([0.4, 0.271635, 0.166756, 0.119221, 0.1])

# (name, parameters, progress, expected): divided by the batch size
LOSSES: list[tuple[str, dict[str, float], float, float]] = [
    ("cross-entropy", {}, 0.0, 2.375107),
    ("class-balanced", {}, 0.0, 1.116588),
    ("focal", {"gamma": 0.5}, 0.0, 2.263331),
    ("focal", {"gamma": 1}, 0.0, 2.174065),
    ("focal", {"gamma": 2}, 0.0, 2.034833),
    ("focal", {"gamma": 1, "beta": 0.9999}, 0.0, 0.923729),
    ("balanced-softmax", {}, 0.0, 2.462446),
    ("logit-adjustment", {}, 0.0, 2.462446),
    ("logit-adjustment", {"tau": 0.5}, 0.0, 2.308295),
    ("logit-adjustment", {"tau": 1.5}, 0.0, 2.742280),
    ("logit-adjustment", {"tau": 2}, 0.0, 3.121107),
    ("class-balanced-focal", {"beta": 0, "gamma": 0}, 0.0, 4.595188),
    ("class-balanced-focal", {"beta": 0, "gamma": 0.5}, 0.0, 3.886283),
    ("class-balanced-focal", {"beta": 0, "gamma": 1}, 0.0, 3.397970),
    ("class-balanced-focal", {"beta": 0, "gamma": 2}, 0.0, 2.744050),
    ("class-balanced-focal", {"gamma": 0}, 0.0, 2.514778),
    ("class-balanced-focal", {"gamma": 0.5}, 0.0, 2.036685),
    ("class-balanced-focal", {"gamma": 1}, 0.0, 1.721840),
    ("class-balanced-focal", {"gamma": 2}, 0.0, 1.329064),
    ("cdt", {}, 0.0, 2.201294),
    ("label-aware-smoothing", {}, 0.0, 2.327112),
]

# (name, parameters, progress, expected): the authors divide by the sum of the weights in the batch
DIVIDED_BY_WEIGHTS: list[tuple[str, dict[str, float], float, float]] = [
    ("class-balanced", {}, 0.0, 1.685770),
    ("weighted-cross-entropy", {}, 0.0, 1.684052),
    ("weighted-cross-entropy", {"gamma": 0.5}, 0.0, 1.926804),
]

# tau -> predicted classes
POST_HOC = {
    0.0: [3, 1, 2, 0, 1, 2, 4, 1],
    0.5: [3, 4, 2, 3, 4, 2, 4, 4],
    1.0: [3, 4, 2, 3, 4, 2, 4, 4],
    1.5: [3, 4, 4, 3, 4, 4, 4, 4],
    2.0: [3, 4, 4, 3, 4, 4, 4, 4],
}

TAU_NORM_WEIGHT = torch.tensor([[1.0, 2, 2], [0, 3, 4], [1, 0, 0]])
TAU_NORM = {
    1.0: [[1 / 3, 2 / 3, 2 / 3], [0, 0.6, 0.8], [1, 0, 0]],
    0.5: [[0.57735, 1.154701, 1.154701], [0, 1.341641, 1.788854], [1, 0, 0]],
}
