"""The ridge classifier, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermctl.methods.ridge import ridge_scores


def data(classes: int, n: int = 60, width: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    labels = np.concatenate([np.arange(classes), rng.integers(0, 2, n - classes)])
    train = rng.normal(size=(n, width)) * np.arange(1, width + 1) + labels[:, None]
    return train, labels, rng.normal(size=(25, width)) * 5


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("penalty", [0.1, 1.0, 50.0])
@pytest.mark.parametrize("classes", [3, 5])
def test_the_scores_are_scikit_learns(classes: int, penalty: float, balanced: bool) -> None:
    train, labels, images = data(classes)
    peer = make_pipeline(
        StandardScaler(),
        RidgeClassifier(alpha=penalty, class_weight="balanced" if balanced else None),
    ).fit(train, labels)
    ours = ridge_scores(train, labels, images, classes=classes, penalty=penalty, balanced=balanced)
    assert ours == pytest.approx(peer.decision_function(images), rel=1e-6, abs=1e-9)


def test_two_classes_and_a_class_without_images() -> None:
    train, labels, images = data(2)
    peer = make_pipeline(StandardScaler(), RidgeClassifier(class_weight="balanced"))
    wanted = peer.fit(train, labels).predict(images)
    assert (ridge_scores(train, labels, images, classes=2).argmax(1) == wanted).all()
    assert (ridge_scores(train, labels, images, classes=4).argmax(1) == wanted).all()


def test_a_feature_that_never_changes_is_no_fault() -> None:
    train, labels, images = data(3)
    train[:, 2] = 4.0
    assert np.isfinite(ridge_scores(train, labels, images, classes=3)).all()
