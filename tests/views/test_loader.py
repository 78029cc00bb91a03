"""A training that stops anywhere goes on with the batches that it would have had."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import Dataset

from dermctl.views import loader_faults
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.loader import BatchLoader
from dermctl.views.loader_faults import LoaderError, loader_fault
from tests.scripts import run_script

Seen = list[tuple[int, list[int]]]
EPOCHS, IMAGES, BATCH = 3, 20, 4


class Numbers(Dataset):
    def __len__(self):
        return IMAGES

    def __getitems__(self, batch: Batch):
        return {"index": torch.tensor(batch.indices), "epoch": torch.tensor(batch.epoch)}


class CutShort(Numbers):
    def __getitems__(self, batch: Batch):
        raise EOFError("the file ends here")


def loader(**options) -> BatchLoader:
    return BatchLoader(Numbers(), EpochBatchSampler(IMAGES, BATCH, **options))


class Recorder(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen: Seen = []
        self.validated: Seen = []

    def training_step(self, batch, _):
        self.seen.append((int(batch["epoch"]), batch["index"].tolist()))
        return self.layer(torch.ones(1, 1)).sum()

    def validation_step(self, batch, _):
        self.validated.append((int(batch["epoch"]), batch["index"].tolist()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Stopped(Exception):  # noqa: N818 - no error, a signal
    pass


class StopAt(pl.Callback):
    """Save, then stop, at a step or at the end of the epoch in which it falls."""

    def __init__(self, step, path, *, epoch_end):
        self.step, self.path, self.epoch_end = step, path, epoch_end

    def on_train_batch_end(self, trainer, *_):
        if not self.epoch_end and trainer.global_step == self.step:
            self._stop(trainer)

    def on_train_epoch_end(self, trainer, _):
        if self.epoch_end and trainer.global_step >= self.step:
            self._stop(trainer)

    def _stop(self, trainer):
        trainer.save_checkpoint(self.path)
        raise Stopped


def trained(*callbacks, resume=None) -> Recorder:
    module = Recorder()
    trainer = pl.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", logger=False, callbacks=list(callbacks),
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False,
    )  # fmt: skip
    with suppress(Stopped):
        trainer.fit(module, loader(), loader(shuffle=False), ckpt_path=resume, weights_only=True)
    return module


@pytest.fixture(scope="module")
def uninterrupted() -> Recorder:
    return trained()


def test_each_epoch_shows_each_image_once(uninterrupted):
    for epoch in range(EPOCHS):
        shown = [index for at, batch in uninterrupted.seen if at == epoch for index in batch]
        assert sorted(shown) == list(range(IMAGES))
    assert uninterrupted.seen[0][1] != uninterrupted.seen[5][1]


def test_validation_is_the_same_each_time(uninterrupted):
    *_, first, second, third = zip(*[iter(uninterrupted.validated[-15:])] * 5, strict=True)
    assert first == second == third
    assert [index for _, batch in first for index in batch] == list(range(IMAGES))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("step", "epoch_end"),
    [(1, False), (3, False), (5, False), (6, False), (10, False), (5, True), (10, True)],
)
def test_a_resumed_training_sees_the_same_batches(uninterrupted, tmp_path, step, epoch_end):
    path = tmp_path / "stopped.ckpt"
    before = trained(StopAt(step, path, epoch_end=epoch_end)).seen
    after = trained(resume=path).seen
    assert len(before) == step
    assert before + after == uninterrupted.seen


def test_the_state_counts_batches_handed_out():
    some = loader()
    batches = iter(some)
    next(batches)
    next(batches)
    assert some.state_dict() == {"epoch": 0, "position": 2}
    other = loader()
    other.load_state_dict(some.state_dict())
    rest = [batch["index"].tolist() for batch in other]
    assert rest == [batch["index"].tolist() for batch in batches]


def test_a_whole_pass_can_be_repeated():
    some = loader()
    first = [batch["index"].tolist() for batch in some]
    assert [batch["index"].tolist() for batch in some] == first
    assert len(first) == len(some) == 5


def test_a_loader_process_leaves_it_to_the_training_to_end():
    some = BatchLoader(Numbers(), EpochBatchSampler(IMAGES, BATCH), workers=1)
    assert len(list(some)) == 5
    (worker,) = some._iterator._workers
    os.kill(worker.pid, signal.SIGTERM)
    assert len(list(some)) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="files are handed over by sockets")
@pytest.mark.parametrize("killed", [True, False])
def test_a_loader_process_that_ends_while_it_hands_over(monkeypatch, killed):
    """Its socket closes first, and its end may be noticed later; one that lives is not blamed."""
    from multiprocessing.resource_sharer import DupFd  # no other system has it

    some = BatchLoader(Numbers(), EpochBatchSampler(IMAGES, BATCH), workers=1)
    batches = iter(some)
    next(batches)
    (worker,) = some._iterator._workers

    def lost(_: DupFd) -> int:
        if killed:
            Timer(0.2, worker.kill).start()
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(DupFd, "detach", lost)
    monkeypatch.setattr(loader_faults, "_SECONDS_TO_END", 30 if killed else 0.01)
    with pytest.raises(LoaderError if killed else ConnectionResetError) as caught:
        list(batches)
    if killed:
        assert str(caught.value).startswith("a loader process died, killed by signal Killed [--wor")
    worker.kill()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_dataset_is_passed_on(workers):
    some = BatchLoader(CutShort(), EpochBatchSampler(IMAGES, BATCH), workers=workers)
    with pytest.raises(EOFError, match="the file ends here"):
        list(some)
    for process in multiprocessing.active_children():  # collected later, torch would wait for them
        process.kill()


class Ended:
    """A process that has ended with that code."""

    def __init__(self, code):
        self.exitcode = code
        self.sentinel, there = os.pipe()
        os.close(there)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize(
    ("error", "codes", "words"),
    [
        (RuntimeError("DataLoader worker (pid(s) 7) exited"), [-9], "signal Killed ["),
        (RuntimeError("DataLoader worker (pid(s) 7) exited"), [0, 1], "process died ["),
        (RuntimeError("DataLoader worker (pid(s) 7) exited"), [], "process died ["),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "), [], "Killed ["),
        (RuntimeError("Pin memory thread exited unexpectedly"), [-9], "signal Killed ["),
        (RuntimeError("Pin memory thread exited unexpectedly"), [], None),
        (EOFError(), [0, -15], "signal Terminated ["),
        (EOFError("Caught EOFError in DataLoader worker process 0."), [-9], None),
        (ConnectionResetError(104, "reset"), [-signal.SIGBUS], "shared memory"),
        (RuntimeError("a loss is no number"), [-9], None),
    ],
)
def test_what_an_error_tells_of_loader_processes(error, codes, words):
    processes = [Ended(code) for code in codes]
    fault = loader_fault(error, processes)
    assert (fault is None) == (words is None)
    assert words is None or words in str(fault)
    for process in processes:
        os.close(process.sentinel)


ENDS = """
import time
from dermctl.views.batches import EpochBatchSampler
from dermctl.views.loader import BatchLoader
from tests.views.test_loader import Numbers

if __name__ == "__main__":
    some = BatchLoader(Numbers(), EpochBatchSampler(20, 4), workers=2)
    held = list(some), some._iterator
    print(*(worker.pid for worker in some._iterator._workers), time.time())
"""


@pytest.mark.slow
def test_loader_processes_end_with_the_training_without_a_minutes_wait(tmp_path):
    done = run_script(tmp_path, ENDS)
    *pids, last_line = done.stdout.split()
    assert time.time() - float(last_line) < 50
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}/stat").exists() for pid in pids)
