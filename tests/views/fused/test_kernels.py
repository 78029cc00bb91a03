"""The kernels, without a GPU: what they compute, and that they compile for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from dermctl.views.decoded import decode_all
from dermctl.views.fused import check
from dermctl.views.presets import DERM
from dermctl.views.resident import ResidentDataset
from tests.views.pictures import stored

triton = pytest.importorskip("triton")

CPU = torch.device("cpu")
POINTERS = {
    "_crop_kernel": {
        **dict.fromkeys(("block", "views"), "*u8"),
        **dict.fromkeys(("start", "stride", "box"), "*i64"),
        **dict.fromkeys(("turns", "factors"), "*i32"),
        "kernels": "*fp32",
    },
    "_across_kernel": {
        "views": "*u8",
        **dict.fromkeys(("matrix", "offset", "kernels", "across"), "*fp32"),
    },
    "_down_kernel": {"across": "*fp32", "kernels": "*fp32", "done": "*u8"},
}
SETTINGS = {"SIZE": 224, "TAPS": 23, "BLOCK": 256}


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.views.fused.interpreted", tmp_path_factory.mktemp("store")],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_kernels_make_the_views_of_plain_torch(interpreted: dict[str, Any]) -> None:
    assert interpreted["factors"] == [0, 1, 2, 4]  # every way to smooth has been met
    for what in ("made at 24", "made at 8", "finished"):
        assert interpreted[what] == {"most": 0, "share": 0.0}, what
    assert interpreted["changed"]["share"] > 0.3


def test_kernels_that_hold_are_relied_on(interpreted: dict[str, Any]) -> None:
    assert interpreted["fault"] is None


@pytest.mark.parametrize("name", POINTERS)
def test_the_kernels_compile_for_a_gpu(name, tmp_path, monkeypatch) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from dermctl.views.fused import crop, finish

    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path))
    kernel = getattr(crop, name, None) or getattr(finish, name)
    settings = {key: value for key, value in SETTINGS.items() if key in kernel.arg_names}
    types = {key: POINTERS[name].get(key, "constexpr") for key in kernel.arg_names}
    compiled = triton.compile(
        ASTSource(fn=kernel, signature=types, constexprs=settings),
        target=GPUTarget("cuda", 90, 32),
        options={"enable_fp_fusion": False},
    )
    assert ".target sm_90" in compiled.asm["ptx"]
    assert ".local" not in compiled.asm["ptx"]  # no array of a thread's own in slow memory
    assert "fma.rn.f32" not in compiled.asm["ptx"]  # a product and a sum are rounded apart
    assert compiled.asm["cubin"]


def test_where_kernels_cannot_run_the_reason_is_told() -> None:
    fault = check.fault_of_kernels(DERM, 16, CPU)  # compiled for a GPU, which is not there
    assert fault is not None
    assert ": " in fault
    assert "\n" not in fault


def test_kernels_that_make_other_views_are_not_relied_on(monkeypatch) -> None:
    plain = check._views

    def other(*args: Any, fused: bool) -> torch.Tensor:
        return plain(*args, fused=False) // (3 if fused else 1)

    monkeypatch.setattr(check, "_views", other)
    assert "grey levels" in str(check.fault_of_kernels(DERM, 16, CPU))


@pytest.mark.gpu
@pytest.mark.parametrize("size", [24, 8, 64])
def test_a_gpu_makes_the_views_of_plain_torch(size, tmp_path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    device = torch.device("cuda")
    decoded = decode_all(stored(tmp_path, [(64, 48), (48, 66), (100, 48)] * 20)).to(device)
    batch = check.Batch(3, list(range(60)))
    plain, fused = (
        ResidentDataset(decoded, DERM, size, fused=fused).__getitems__(batch)["views"].int()
        for fused in (False, True)
    )
    assert (plain - fused).abs().max() <= 1
    assert check.fault_of_kernels(DERM, size, device) is None
