r"""What cells of one module on both sides of the split are worth: elpv without its modules, as a dataset beside it.

Over five folds of preset `thorough`, balanced accuracy with modules apart and mixed: plain cross-entropy 79.3 and 85.0
at IR 1, 76.8 and 84.8 at IR 10, 71.2 and 79.7 at IR 80; patchcore, which sees no defect, 73.0 and 77.2, 70.4 and 77.5,
72.1 and 77.9.

    python -m benchmarks.run --plugin experiments/elpv_mixed.py --dataset elpv --dataset elpv-mixed --preset thorough \
        --set dataset.elpv-mixed.size=160 --set dataset.elpv-mixed.folds=5 --set dataset.elpv-mixed.majority=240
"""

from __future__ import annotations

import dataclasses

from datasets import register
from datasets.listing import Listing
from datasets.sources.elpv import Elpv


@register("elpv-mixed")
class ElpvMixed(Elpv):
    """The same cells, each by itself: what most published splits of elpv do."""

    description = "elpv, the cells of one module on both sides of the split: only to see what that is worth"

    def listing(self) -> Listing:
        """List the cells, without their modules."""
        found = super().listing()
        return dataclasses.replace(found, groups=None, notes=found.notes[:1])
