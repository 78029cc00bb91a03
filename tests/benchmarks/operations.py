"""What a piece of work asks of a device: operations started and bytes moved, counted not timed.

Nothing here depends on the machine: a count on a CPU is that of the same torch operations on a
GPU, where a small batch waits for operations to start and a large one for its memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ALLOCATIONS = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}
CONSTANTS = {"scalar_tensor", "lift_fresh"}
OVERWRITES = ("fill_", "zero_", "copy_", "zeros_like", "ones_like", "full_like", "new_zeros")
UNREAD = dict.fromkeys(OVERWRITES, 0) | {"nll_loss_forward": 0, "nll_loss_backward": 1}
"""Position of an argument that is not read, or in one place a row only."""


class Operations(TorchDispatchMode):
    """Counts operations of torch, forwards and backwards, but for views and allocations.

    Attributes:
        names: of the operations, in order.
        moved: bytes that they read and write, each tensor once an operation: the least possible,
            for some (a softmax over long rows) read their input several times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.moved = 0

    def __torch_dispatch__(
        self,
        function: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation and count it."""
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        name = function.overloadpacket.__name__
        if function.is_view or name in ALLOCATIONS | CONSTANTS:
            return result
        self.names.append(name)
        unread = 0 if kwargs.get("beta") == 0 else UNREAD.get(name)
        read = [value for position, value in enumerate(args) if position != unread]
        self.moved += size_of(read) + size_of(result)
        return result


def size_of(values: object) -> int:
    """Bytes of all tensors in nested values; of one that repeats its memory, that memory."""
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
    return sum(
        min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
        for tensor in tensors
    )


def operations_of(work: Callable[[], object]) -> Operations:
    """Do some work once and count its operations."""
    with torch.enable_grad(), Operations() as counted:
        work()
    return counted
