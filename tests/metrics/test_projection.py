from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dermctl.metrics.projection import principal_plane


def test_the_plane_is_scikit_learns():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(80, 6)) * [5, 3, 1, 1, 0.5, 0.1] + 7
    found = principal_plane(embeddings)
    pca = PCA(2).fit(embeddings)
    expected = pca.transform(embeddings)
    signs = np.sign((found.points * expected).sum(axis=0))
    np.testing.assert_allclose(found.points, expected * signs, atol=1e-9)
    assert found.shares == pytest.approx(pca.explained_variance_ratio_)


def test_a_sign_is_no_matter_of_chance():
    embeddings = np.random.default_rng(1).normal(size=(30, 4))
    first = principal_plane(embeddings).points
    np.testing.assert_array_equal(first, principal_plane(embeddings.copy()).points)
    loadings = np.linalg.lstsq(embeddings - embeddings.mean(0), first, rcond=None)[0]
    assert (loadings[np.abs(loadings).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize(
    "embeddings",
    [np.zeros((5, 3)), np.ones((1, 3)), np.ones((5, 1)), np.full((5, 3), np.nan)],
    ids=["constant", "one image", "one dimension", "not finite"],
)
def test_what_spans_no_plane_gives_none(embeddings):
    assert principal_plane(embeddings) is None
