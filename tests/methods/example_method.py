"""A method of your own: one class in one file. Run it with `--plugin example_method.py --method rare-margin`."""

from torch.nn import functional as F

import methods


@methods.register("rare-margin", family="cost-sensitive", source="yours")
class RareMargin(methods.NetworkMethod):
    """Cross-entropy after a margin is taken off the true class's logit: margin * sqrt(n_min / n_c)."""

    margin: float = 1.0

    def criterion(self, counts, progress):
        """Return the loss for these class counts; progress, in [0, 1), is how much of the training is done."""
        margins = self.margin * (counts.min() / counts).sqrt()

        def loss(logits, targets):
            return F.cross_entropy(logits - F.one_hot(targets, len(counts)) * margins, targets)

        return loss
