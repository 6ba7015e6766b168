"""A decomposition that one driver gives up is made by another."""

import numpy as np
import pytest

from methods.decomposition import svd


def fails(*args: object, **kwargs: object) -> None:
    raise np.linalg.LinAlgError("SVD did not converge")


@pytest.mark.parametrize("gives_up", [False, True])
@pytest.mark.parametrize(("rows", "columns", "rank"), [(9, 5, 5), (5, 9, 5), (9, 5, 2)])
def test_the_parts_make_the_matrix_again(monkeypatch, gives_up, rows, columns, rank) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
    if gives_up:
        monkeypatch.setattr(np.linalg, "svd", fails)
    u, s, v = svd(x)
    assert u.shape == (rows, 5)
    assert v.shape == (5, columns)
    assert u * s @ v == pytest.approx(x)
    assert u.T @ u == pytest.approx(np.eye(5))
    assert v @ v.T == pytest.approx(np.eye(5))
    # singular values are the roots of the eigenvalues of the smaller product
    small = x @ x.T if rows < columns else x.T @ x
    assert s**2 == pytest.approx(np.linalg.eigvalsh(small)[::-1], abs=1e-9)
