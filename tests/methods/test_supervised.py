"""Supervised training: weighted cross-entropy, and validation over the whole split."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, roc_auc_score
from torch import nn

from dermctl.methods.class_weights import inverse_frequency
from dermctl.methods.mixing import Mixing
from dermctl.methods.supervised import Supervised, validation_scores
from tests.methods.made import OPTIMIZER, about, normalized, pictures, tiny_encoder

CLASSES = ("a", "b", "c")
LABELS = torch.tensor([0, 0, 1, 2, 0, 1, 0])


class Alone(Supervised):
    """Remembers what would be logged: there is no Trainer here, only its one process."""

    class trainer:  # noqa: N801 - stands for the Trainer
        world_size = 1

    def log(self, name: str, value: object, **how: object) -> None:  # type: ignore[override]
        self.seen = getattr(self, "seen", {})
        self.seen.setdefault(name, []).append((float(value), how.get("batch_size")))  # type: ignore[arg-type]


def module_with(**changes: object) -> Alone:
    torch.manual_seed(0)
    module = Alone(tiny_encoder(), nn.Linear(6, 3), about(CLASSES), **changes, **OPTIMIZER)
    nn.init.normal_(module.classifier.weight, std=3.0)
    return module


def batch(rows: slice = slice(None)) -> dict[str, torch.Tensor]:
    return {"images": pictures(len(LABELS))[rows], "labels": LABELS[rows]}


def test_the_step_is_sklearns_weighted_log_loss() -> None:
    weights = inverse_frequency(np.bincount(LABELS))
    module = module_with(loss=nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float32)))
    with torch.no_grad():
        loss = module.training_step(batch(), 0)
        probabilities = module(normalized(batch()["images"])).double().softmax(1).numpy()
    wanted = log_loss(LABELS, probabilities, sample_weight=weights[LABELS])
    assert loss.item() == pytest.approx(wanted, rel=1e-5)


def test_label_smoothing_by_hand() -> None:
    module = module_with(loss=nn.CrossEntropyLoss(label_smoothing=0.3))
    with torch.no_grad():
        loss = module.training_step(batch(), 0)
        logs = module(normalized(batch()["images"])).log_softmax(1)
    target = torch.full((len(LABELS), 3), 0.1) + 0.7 * torch.eye(3)[LABELS]
    assert loss.item() == pytest.approx(float(-(target * logs).sum(1).mean()), rel=1e-5)


def test_a_mixed_batch_is_learnt_with_its_shares() -> None:
    module = module_with(mixing=Mixing(1.0, 0.0, classes=3))
    torch.manual_seed(5)
    with torch.no_grad():
        loss = module.training_step(batch(), 0)
        torch.manual_seed(5)
        images, shares = Mixing(1.0, 0.0, classes=3)(normalized(batch()["images"]), LABELS)
        logs = module(images).log_softmax(1)
    assert shares.shape == (len(LABELS), 3)
    torch.testing.assert_close(shares.sum(1), torch.ones(len(LABELS)))
    assert ((shares > 0) & (shares < 1)).any()
    assert loss.item() == pytest.approx(float(-(shares * logs).sum(1).mean()), rel=1e-5)


def test_validation_scores_are_those_of_the_whole_split() -> None:
    module = module_with()
    module.eval()
    with torch.no_grad():
        for _ in range(2):  # a second epoch starts anew
            module.seen = {}
            for rows in (slice(0, 3), slice(3, 6), slice(6, 7)):
                module.validation_step(batch(rows), 0)
            module.on_validation_epoch_end()
        probabilities = module(normalized(batch()["images"])).double().softmax(1).numpy()
    labels, decided = LABELS.numpy(), probabilities.argmax(1)
    logged = {name: values[-1][0] for name, values in module.seen.items()}
    assert logged["val/acc"] == pytest.approx(accuracy_score(labels, decided))
    assert logged["val/balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(labels, decided)
    )
    auc = roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert logged["val/auc"] == pytest.approx(auc)
    losses = module.seen["val/loss"]
    assert [size for _, size in losses] == [3, 3, 1]
    mean = sum(value * size for value, size in losses) / len(labels)
    assert mean == pytest.approx(log_loss(labels, probabilities), rel=1e-5)


def test_scores_of_a_single_class_let_the_choice_go_on() -> None:
    scores = validation_scores(np.zeros(4, int), np.tile([0.6, 0.4], (4, 1)))
    assert scores == {"balanced_accuracy": 1.0, "acc": 1.0, "auc": 0.5}
