"""The singular value decomposition, whatever the driver makes of the matrix."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def svd(x: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Decompose (N, D) into (N, K), (K,) and (K, D) with K the smaller of N and D.

    LAPACK's divide and conquer, which NumPy calls, now and then does not converge on a sound matrix of low rank
    (features of nearly equal images); the older driver then does.
    """
    try:
        u, s, v = np.linalg.svd(x, full_matrices=False)
    except np.linalg.LinAlgError:
        u, s, v = scipy.linalg.svd(x, full_matrices=False, lapack_driver="gesvd")
    return u, s, v
