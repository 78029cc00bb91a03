"""A fine-tuning that was stopped goes on to the same weights, and to the same moving average."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import Callback

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.data.prepare import prepare
from dermctl.core.finetune import finetune
from dermctl.core.finetuning import full
from dermctl.training import make_trainer
from dermctl.training.stopping import Interrupted
from dermctl.workspace import Workspace
from tests.conftest import TINY
from tests.core.data.clinic import make_clinic

STEPS = 2
"""Of an epoch."""
SETTINGS = {**TINY, "epochs": 3, "encoder": "test_vit", "from_checkpoint": "none"}


class StopsItself(Callback):
    """Sends this process a signal in one step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        """``self.step`` steps are done."""
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def saved(run: Path) -> dict[str, torch.Tensor]:
    """All weights of the last and the best checkpoint: the average, and what it is of."""
    found: dict[str, torch.Tensor] = {}
    for name in ("last", "best"):
        read = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for part in ("state_dict", "current_model_state"):
            found |= {f"{name}/{part}/{key}": value for key, value in read[part].items()}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("step", [STEPS, 2 * STEPS - 1], ids=["mid-epoch", "at an epoch's end"])
def test_with_a_moving_average(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    workspace = Workspace(tmp_path)
    prepare(workspace, make_clinic(tmp_path).request(val=0.2, test=0.2))
    config = FinetuneConfig(ema=0.9, **SETTINGS)  # type: ignore[arg-type]
    whole = finetune(workspace, config)

    def make_stopping(*args: Any, callbacks: tuple[Callback, ...], **more: Any) -> Any:
        return make_trainer(*args, callbacks=(*callbacks, StopsItself(step)), **more)

    with monkeypatch.context() as patched:
        patched.setattr(full, "make_trainer", make_stopping)
        with pytest.raises(Interrupted) as caught:
            finetune(workspace, config)
    stopped = Path(str(caught.value.where))
    assert torch.load(stopped, weights_only=True)["global_step"] == step + 1
    resumed = finetune(workspace, config)
    assert resumed.run == stopped.parent.parent != whole.run
    one, two = saved(resumed.run), saved(whole.run)
    assert one.keys() == two.keys()
    assert [key for key in one if not torch.equal(one[key], two[key])] == []
    assert resumed.best == whole.best
    rows = [(run / "metrics.csv").read_text() for run in (resumed.run, whole.run)]
    assert rows[0] == rows[1]
