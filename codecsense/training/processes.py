"""The processes that train one model together: accelerate beneath, DeepSpeed where memory is short.

Every process draws the same random numbers for the whole batch and computes its own part, so batch sizes are global
and what is drawn does not depend on how many share the work. Start several with accelerate or torchrun:

    accelerate launch --num-processes 8 -m flows.stage sft --run full ...    (the rest as in dvc.yaml)

Sizes of buckets and the like, which change speed and memory alone, are in `deepspeed/zero_2.json` and `zero_3.json`.

References:
    [1] Rajbhandari et al., ZeRO: memory optimizations toward training trillion parameter models, arXiv 1910.02054.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from codecsense.config import Config

if TYPE_CHECKING:
    from accelerate.utils import DeepSpeedPlugin

    from codecsense.training.schedule import Optimiser

Values = TypeVar("Values")
Board = Literal["tensorboard", "wandb"]

CONFIGS = Path(__file__).parent / "deepspeed"


class Compute(Config):
    """Where a loop computes and how precisely. Batch sizes are global whatever stands here."""

    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16"]  # bf16: of the arithmetic; what trains is kept in fp32


class Sharded(Compute):
    """The same for a model that may not fit: memory is bought with time."""

    zero: Literal[0, 2, 3]  # ZeRO [1] shares optimiser and gradients (2), weights too (3); 0 shares nothing
    accumulation: int  # pieces that a process's share of a batch is computed in
    checkpointing: bool  # activations are computed again on the way back, not kept


class Alone:
    """One process, in plain PyTorch: what loops that are never shared use."""

    number = 1
    rank = 0
    zero = 0

    @property
    def first(self) -> bool:
        """Whether this process writes what only one may write."""
        return self.rank == 0

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of one piece's loss."""
        loss.backward()

    def clip(self, weights: Iterable[nn.Parameter], limit: float) -> float:
        """Shorten the gradient to `limit`; returns its norm before."""
        return float(nn.utils.clip_grad_norm_(weights, limit))

    def mean(self, value: float) -> float:
        """The mean of every process's value."""
        return value

    def any(self, flag: bool) -> bool:
        """Whether any process says so; all get the same answer, and then act alike."""
        return flag

    def log(self, row: Mapping[str, float]) -> None:
        """Show one row of the curve on the boards that were asked for."""

    @contextmanager
    def whole(self, weights: Iterable[nn.Parameter]) -> Iterator[None]:
        """While inside, every process holds all numbers of these weights."""
        yield

    def save_shards(self, folder: Path, name: str) -> None:
        """Write what this process alone holds; nothing, where every process holds everything."""

    def load_shards(self, folder: Path, name: str) -> None:
        """Go on from what `save_shards` wrote under this name."""


class Processes(Alone):
    """All processes that were launched together, seen from one of them."""

    def __init__(
        self, compute: Compute, *, batch: int, clip: float, log_to: Sequence[Board] = (), events: Path | None = None
    ) -> None:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

        if compute.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("compute.device is cuda, but PyTorch finds no CUDA device here; set it to cpu")
        missing = [board for board in log_to if find_spec(board) is None]
        if missing:
            raise ValueError(f"log_to names {missing[0]}, which is not installed: pip install '.[{missing[0]}]'")
        self.zero = compute.zero if isinstance(compute, Sharded) else 0
        self.accumulation = compute.accumulation if isinstance(compute, Sharded) else 1
        handlers: list[Any] = [DistributedDataParallelKwargs(find_unused_parameters=True)]
        if self.zero and compute.device == "cpu":
            handlers.append(InitProcessGroupKwargs(backend="gloo"))
        self.accelerator = Accelerator(
            cpu=compute.device == "cpu" and not self.zero,
            mixed_precision="bf16" if compute.precision == "bf16" else "no",
            gradient_accumulation_steps=self.accumulation,
            deepspeed_plugin=_deepspeed(compute, batch, clip) if isinstance(compute, Sharded) and self.zero else None,
            kwargs_handlers=handlers,
            log_with=list(log_to) or None,
            project_dir=events,
        )
        self.number, self.rank = self.accelerator.num_processes, self.accelerator.process_index
        self.piece = _piece(batch, self.number, self.accumulation)
        self.wrapped: nn.Module = nn.Identity()
        self.scalars: list[nn.Parameter] = []
        self.dtype = torch.bfloat16 if self.zero and compute.precision == "bf16" else None
        if log_to:
            self.accelerator.init_trackers("codecsense", init_kwargs={"wandb": {"dir": str(events)}})

    @property
    def parts(self) -> int:
        """How many pieces a batch is computed in, over all processes."""
        return self.number * self.accumulation

    def wrap(self, model: nn.Module, optimiser: "Optimiser") -> nn.Module:
        """The model as it must be called from now on; `optimiser` steps for all processes from now on."""
        if self.zero and len(optimiser.parts) != 1:
            raise ValueError(f"ZeRO {self.zero} steps one optimiser: set optimiser.matrices to adamw, not muon")
        if self.zero:
            self.scalars = [weight for weight in model.parameters() if weight.ndim == 0]
            _reshape(self.scalars, (1,))  # DeepSpeed cannot send a number that has no dimension
        self.wrapped, *optimiser.parts = self.accelerator.prepare(model, *optimiser.parts)
        return self.wrapped

    def pieces(self) -> Iterator[slice]:
        """This process's parts of a batch, to be computed one after the other.

        Gradients are exchanged with the last: give each loss to `backward` before asking for the next part.
        """
        for number in range(self.accumulation):
            first = (self.rank * self.accumulation + number) * self.piece
            with self.accelerator.accumulate(self.wrapped):
                yield slice(first, first + self.piece)

    def share(self) -> slice:
        """This process's part of a batch as one."""
        size = self.piece * self.accumulation
        return slice(self.rank * size, (self.rank + 1) * size)

    def place(self, values: Values) -> Values:
        """Tensors where the model computes, and as precise as its weights."""
        from accelerate.utils.operations import recursively_apply

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(self.accelerator.device, self.dtype if tensor.is_floating_point() else None)

        return cast(Values, recursively_apply(move, values))

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, in order; gradients find their way back to the process that they came from."""
        return cast(Tensor, _Gather.apply(rows)) if self.number > 1 else rows

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)

    def clip(self, weights: Iterable[nn.Parameter], limit: float) -> float:
        return float(self.accelerator.clip_grad_norm_(weights, limit))

    def mean(self, value: float) -> float:
        if self.number == 1:
            return value
        return float(self.accelerator.reduce(torch.tensor(value, device=self.accelerator.device), "mean"))

    def any(self, flag: bool) -> bool:
        return flag if self.number == 1 else self.mean(float(flag)) > 0

    def log(self, row: Mapping[str, float]) -> None:
        self.accelerator.log(dict(row), step=int(row["step"]))

    @contextmanager
    def whole(self, weights: Iterable[nn.Parameter]) -> Iterator[None]:
        with ExitStack() as stack:
            if self.zero == 3:
                from deepspeed import zero

                stack.enter_context(zero.GatheredParameters(list(weights)))
            _reshape(self.scalars, ())
            yield
            _reshape(self.scalars, (1,))

    def save_shards(self, folder: Path, name: str) -> None:
        if self.zero:
            cast(Any, self.wrapped).save_checkpoint(str(folder), tag=name, exclude_frozen_parameters=True)

    def load_shards(self, folder: Path, name: str) -> None:
        if self.zero:
            cast(Any, self.wrapped).load_checkpoint(str(folder), tag=name, load_module_strict=False)

    def close(self) -> None:
        """Say goodbye to the other processes and to the boards."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()


def _reshape(weights: Iterable[nn.Parameter], shape: tuple[int, ...]) -> None:
    for weight in weights:
        weight.data = weight.data.reshape(shape)


def _piece(batch: int, number: int, accumulation: int) -> int:
    if batch % (number * accumulation):
        raise ValueError(f"a batch of {batch} does not divide into {number} processes x {accumulation} pieces each")
    return batch // (number * accumulation)


def _deepspeed(compute: Sharded, batch: int, clip: float) -> "DeepSpeedPlugin":
    from accelerate.utils import DeepSpeedPlugin

    if find_spec("deepspeed") is None:
        raise ValueError(f"compute.zero is {compute.zero}, but DeepSpeed is not installed: pip install '.[gpu]'")
    if "LOCAL_RANK" not in os.environ:
        raise ValueError(
            f"compute.zero is {compute.zero}, which needs a launcher: accelerate launch -m flows.stage ..."
        )
    number = int(os.environ["WORLD_SIZE"])
    config = json.loads((CONFIGS / f"zero_{compute.zero}.json").read_text()) | {
        "train_batch_size": batch,
        "train_micro_batch_size_per_gpu": _piece(batch, number, compute.accumulation),
        "gradient_accumulation_steps": compute.accumulation,
        "gradient_clipping": clip,
        "bf16": {"enabled": compute.precision == "bf16"},
    }
    return DeepSpeedPlugin(hf_ds_config=config)


class _Gather(torch.autograd.Function):
    """Every process's rows; on the way back each process gets the sum of what all say of its rows."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        every = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(every, rows.contiguous())
        return torch.cat(every)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        every = gradients[0].contiguous().clone()
        torch.distributed.all_reduce(every)
        return every.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]
