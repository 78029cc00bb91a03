"""``dermctl``, in a process that sends itself a signal at one moment of its pretraining.

    python stops_itself.py SIGNAL HOOK STEP WORDS...

HOOK is a hook of Lightning's callbacks, STEP the number of steps done by then; WORDS are what
``dermctl`` is given. With several processes, the first one stops itself; with ``other:HOOK`` all
the others do, while the first one is kept from noticing.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from typing import Any


def main(name: str, hook: str, step: int, words: list[str]) -> None:
    """Run the words; heavy imports are here, as loader processes import this file too."""
    from pytorch_lightning.callbacks import Callback

    from dermctl.cli.main import app
    from dermctl.core import pretrain
    from dermctl.training import make_trainer

    others, _, own_hook = hook.rpartition(":")

    def stop(_: Callback, trainer: Any, *__: Any) -> None:
        if trainer.global_step != step:
            return
        if trainer.is_global_zero != bool(others):
            os.kill(os.getpid(), signal.Signals[name])
        elif others:
            time.sleep(3600)

    callback = type("StopsItself", (Callback,), {own_hook: stop})()
    vars(pretrain)["make_trainer"] = partial(make_trainer, callbacks=(callback,))
    app(args=words)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
