"""Models as they were saved."""

from __future__ import annotations

import torch
from torch import nn

from dermctl.checkpoint import Checkpoint, fill, weights_of
from dermctl.datasets.metadata import MetadataCode
from dermctl.errors import CheckpointError, ConfigError
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.foreign import fill_from
from dermctl.models.fusion import FusionClassifier
from dermctl.models.heads import Classifier
from dermctl.models.neighbours import NearestNeighbours


class ImageClassifier(nn.Module):
    """Encoder and classifier: normalised images [B, 3, H, W] -> logits [B, C].

    A classifier that fuses metadata takes them as a second argument, [B, M].
    """

    def __init__(self, encoder: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = classifier

    def forward(self, images: torch.Tensor, *metadata: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] -> [B, C]."""
        logits: torch.Tensor = self.classifier(self.encoder(images), *metadata)
        return logits


def restore_encoder(
    checkpoint: Checkpoint, *, image_size: int | None = None, drop_path: float = 0.0
) -> nn.Module:
    """The checkpoint's encoder; at another image size, its position embedding is resampled.

    Raises:
        CheckpointError: the weights do not fit.
        ConfigError: an image size that the encoder refuses.
    """
    about = checkpoint.about
    size = about.image_size if image_size is None else image_size
    encoder = build_encoder(about.encoder, size, drop_path=drop_path)
    if size == about.image_size:
        fill(encoder, checkpoint, "encoder")
    else:  # built as its own checkpoints will be: timm's set_input_size gives Swin other windows
        _fill_resampled(encoder, checkpoint, size)
    return encoder


def _fill_resampled(encoder: nn.Module, checkpoint: Checkpoint, image_size: int) -> None:
    about = checkpoint.about
    try:
        fill_from(encoder, weights_of(checkpoint, "encoder"), where=checkpoint.path)
    except CheckpointError as error:
        raise ConfigError(
            f"'{about.encoder}' of {about.image_size} px cannot be taken to {image_size} px "
            f"({error.what})",
            where=checkpoint.path,
            hint=f"Take --image-size {about.image_size}",
        ) from error


def restore_classifier(checkpoint: Checkpoint) -> ImageClassifier:
    """The checkpoint's fine-tuned model, in evaluation mode.

    Raises:
        CheckpointError: when it holds no classifier.
    """
    about = checkpoint.about
    if not about.classes:
        raise CheckpointError(
            "this checkpoint has an encoder and no classifier",
            where=checkpoint.path,
            hint=f"Fine-tune it with: dermctl finetune --from {checkpoint.path}",
        )
    encoder = restore_encoder(checkpoint)
    classifier = _head(checkpoint, feature_width(encoder))
    fill(classifier, checkpoint, "classifier")
    return ImageClassifier(encoder, classifier).eval()


def restore_image_alone(checkpoint: Checkpoint) -> nn.Module:
    """The head of the image alone that was fitted beside a head with metadata: [B, D] -> [B, C].

    Raises:
        CheckpointError: there is none.
    """
    width = int(checkpoint.state["alone.weight"].shape[1]) if checkpoint.about.head else 0
    alone = Classifier(width, len(checkpoint.about.classes))
    fill(alone, checkpoint, "alone")
    return alone.eval()


def _head(checkpoint: Checkpoint, width: int) -> nn.Module:
    """The head that the checkpoint describes, still without its weights."""
    about = checkpoint.about
    if about.head.get("kind") == "fusion":
        code = MetadataCode.from_plain(about.head["metadata"])
        return FusionClassifier(width, code.width, len(about.classes))
    if about.head.get("kind") == "knn":
        images = len(checkpoint.state.get("classifier.bank", ()))
        return NearestNeighbours(
            torch.zeros(images, width),
            torch.zeros(images, len(about.classes)),
            k=int(about.head["k"]),
            temperature=float(about.head["temperature"]),
        )
    return Classifier(width, len(about.classes))
