"""Heads: the projector of SimCLR and the linear classifier."""

from __future__ import annotations

import math

import torch

from dermctl.models.heads import Classifier, Projector


def test_projector_is_two_layers_with_a_layer_norm_between() -> None:
    torch.manual_seed(0)
    projector = Projector(6, 10, 4)
    x = torch.randn(5, 6)
    first, norm, _, last = projector.layers
    hidden = x @ first.weight.T
    centred = hidden - hidden.mean(1, keepdim=True)
    scaled = centred / (hidden.var(1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    gelu = 0.5 * scaled * (1 + torch.erf(scaled / math.sqrt(2)))
    assert torch.allclose(projector(x), gelu @ last.weight.T, atol=1e-5)
    assert sum(p.numel() for p in projector.parameters()) == 6 * 10 + 2 * 10 + 10 * 4


def test_a_projection_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    projector, x = Projector(6, 10, 4), torch.randn(8, 6)
    assert torch.allclose(projector(x)[:1], projector(x[:1]), atol=1e-6)


def test_a_fresh_classifier_knows_nothing() -> None:
    torch.manual_seed(0)
    classifier = Classifier(192, 4)
    assert torch.equal(classifier.bias, torch.zeros(4))
    assert 0.005 < float(classifier.weight.detach().std()) < 0.02
    probabilities = classifier(torch.randn(100, 192)).softmax(1).detach()
    assert float((probabilities - 0.25).abs().max()) < 0.2


def test_batch_norm_by_choice() -> None:
    torch.manual_seed(0)
    projector, x = Projector(6, 10, 4, norm="batch").train(), torch.randn(8, 6)
    first, norm, _, last = projector.layers
    assert isinstance(norm, torch.nn.BatchNorm1d)
    hidden = x @ first.weight.T
    scaled = (hidden - hidden.mean(0)) / (hidden.var(0, unbiased=False) + norm.eps).sqrt()
    wanted = torch.nn.functional.gelu(scaled) @ last.weight.T
    assert torch.allclose(projector(x), wanted, atol=1e-5)
