"""What follows from deciding: net benefit over thresholds, errors over the share decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.metrics.curves import decision_curve
from dermctl.report.plots import ACCENT, RULE, SECOND, SOFT, Plot, figure, short, to_svg

_WIDTH = 350
_HEIGHT = 290


def decision_plot(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64], names: list[str]
) -> Plot:
    """The decision curve of a two-class problem; the second class is the positive one."""
    curve = decision_curve(labels == 1, probabilities[:, 1])
    with figure(_WIDTH, _HEIGHT) as (drawing, axes):
        axes.plot(curve.thresholds, curve.treat_all, color=SECOND, lw=1.2, label="call all")
        axes.axhline(0, color=SOFT, lw=0.9, ls=(0, (4, 3)), label="call none")
        axes.plot(curve.thresholds, curve.model, color=ACCENT, label="model")
        top = max(float(curve.model.max()), float((labels == 1).mean()), 0.01)
        axes.set_ylim(-0.25 * top, 1.1 * top)
        axes.set_xlim(0, 1)
        axes.grid(color=RULE)
        axes.set_xlabel(f"threshold probability of {short(names[1])}")
        axes.set_ylabel("net benefit")
        axes.set_title("Decision curve")
        axes.legend(loc="upper right")
        return to_svg(
            drawing,
            "Decision curve",
            "Net benefit of the model, of calling every image positive, and of calling none, over "
            "the threshold probability.",
        )


def risk_coverage_plot(abstention: Mapping[str, Any]) -> Plot:
    """The risk-coverage curve of `Abstention.to_json()`."""
    curve = abstention["curve"]
    coverage, risk = (np.array(curve[key], np.float64) for key in ("coverage", "risk"))
    with figure(_WIDTH, _HEIGHT) as (drawing, axes):
        axes.plot(coverage, risk, color=ACCENT)
        axes.axhline(risk[-1], color=SOFT, lw=0.9, ls=(0, (4, 3)))
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, max(1.15 * float(np.nanmax(risk)), 0.05))
        axes.grid(color=RULE)
        axes.set_xlabel("coverage (share of the images that is decided)")
        axes.set_ylabel("risk (share of errors)")
        axes.set_title("Risk and coverage")
        return to_svg(
            drawing,
            "Risk-coverage curve",
            "Errors among the most confident images over the share that is decided; the dashed "
            "line is the share of errors with all decided.",
        )
