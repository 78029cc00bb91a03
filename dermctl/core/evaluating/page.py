"""What ``evaluate`` shows on its page and in the model card: the result as plain values."""

from __future__ import annotations

from collections.abc import Sequence

from dermctl.checkpoint import Checkpoint
from dermctl.core.evaluating.mistakes import worst_mistakes
from dermctl.core.evaluating.models import Predicted
from dermctl.core.evaluating.results import Evaluated
from dermctl.core.loading import IntArray
from dermctl.core.metadata import metadata_names
from dermctl.datasets.division import NEAR_DUPLICATES
from dermctl.datasets.prepared import Split
from dermctl.inference import FloatArray
from dermctl.metrics.projection import principal_plane
from dermctl.metrics.temperature import apply_temperature
from dermctl.report.evaluation import Embeddings, EvaluationReport, Explanations

SELECTION = "the best balanced accuracy on validation, unless the run's config.yaml says otherwise"


def evaluation_report(
    result: Evaluated,
    rows: Split,
    truth: IntArray,
    predicted: Predicted,
    members: Sequence[Checkpoint],
    *,
    leak_checked: bool,
    pictures: bool,
    explained: Explanations | None = None,
) -> EvaluationReport:
    """Fill the page's values.

    Args:
        result: all figures.
        rows: the split that was evaluated.
        truth: [n] class numbers.
        predicted: what the models make of the images.
        members: the models.
        leak_checked: whether all that they have seen is known, and none of it is evaluated.
        pictures: whether mistakes are shown with their pictures.
        explained: maps of what the first model weighed, where they were asked for.
    """
    about = members[0].about
    plane = principal_plane(predicted.embeddings)
    return EvaluationReport(
        checkpoint=_name(members[0]),
        dataset=rows.folder.name,
        split=rows.name,
        class_names=result.classes,
        metrics=result.to_json(),
        labels=truth,
        probabilities=predicted.probabilities,
        calibrated=_calibrated(result, predicted),
        embeddings=None if plane is None else Embeddings(plane.points, plane.shares),
        groups=result.resampled,
        weights=_weights(members, tta=bool(result.models["tta"])),
        trained_on=tuple(dict.fromkeys(name for each in members for name in each.about.datasets)),
        selection=SELECTION,
        leak_check=result.leak_check,
        leak_checked=leak_checked,
        synthetic=result.synthetic,
        facts={
            "Label": ": ".join(filter(None, (about.label, result.target))) or "–",
            "Intervals resample": result.resampled_words,
            "Split recipe": _recipe(rows),
            "Licence of the images": str(rows.description["license"]),
            "Images and labels (SHA-256)": result.images["test_sha256"],
            "Manifest (SHA-256)": result.images["manifest_sha256"],
            "Checkpoint (SHA-256)": result.models["checkpoint_sha256"],
            **{f"Trained on {name} (SHA-256)": each for name, each in result.trained_on.items()},
        },
        subgroups=[audit.to_json() for audit in result.figures.subgroups],
        mistakes=worst_mistakes(
            rows,
            truth,
            predicted.probabilities,
            result.classes,
            folder=result.folder if pictures else None,
            synthetic=bool(rows.description["synthetic"]),
        ),
        explained=explained,
        limitations=division_limits(rows),
    )


def division_limits(rows: Split) -> list[str]:
    """What the division of the dataset left undone."""
    if NEAR_DUPLICATES in rows.description["split"].get("grouped_by", ()):
        return []
    return [
        "Near-duplicates were not searched for when the images were divided: copies of training "
        "images may be among these."
    ]


def _name(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.path.parent.parent.name}/{checkpoint.path.name}"


def _weights(members: Sequence[Checkpoint], *, tta: bool) -> str:
    about = members[0].about
    words = [f"{about.encoder}, {about.image_size} px"]
    if columns := metadata_names(about):
        words.append(f"takes metadata beside the image: {', '.join(columns)}")
    if len(members) > 1:
        others = ", ".join(_name(each) for each in members[1:])
        words.append(f"probabilities averaged with those of {others}")
    if tta:
        words.append("averaged over 8 orientations of each image")
    return "; ".join(words)


def _calibrated(result: Evaluated, predicted: Predicted) -> FloatArray | None:
    calibrated = result.figures.calibrated
    if calibrated is None or predicted.logits is None:
        return None
    return apply_temperature(predicted.logits, calibrated.fitted.temperature.value)


def _recipe(rows: Split) -> str:
    recipe = rows.description["split"]
    return ", ".join(
        f"{key.replace('_', ' ')} {' and '.join(value) if isinstance(value, list) else value}"
        for key, value in recipe.items()
        if isinstance(value, (str, int, float, list))
        and (not isinstance(value, list) or all(isinstance(each, str) for each in value))
    )
