"""What does a network put out when torch compiles its forward pass?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, first_line
from prunescope.base.showing import show

_INFERENCE = ("arithmetic compiled", 'take arithmetic "folded" instead, which needs no compiler')
_TRAINING = ("training.compile", "leave it out")


class Compiled:
    """A network whose forward pass torch compiles when it is first shown a batch.

    Weights are constants in what is compiled: batch normalisation is folded into convolutions, and
    these are fused with what follows. What no output needs is not computed.
    All batches are brought to the size of the first, so that there is one compilation.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._modules: Mapping[str, nn.Module] = {}
        self._size = 0
        self._outputs: list[tuple[str, Any]] = []
        self._run: Callable[[Tensor], None] = self._show
        self._hooks = ExitStack()

    def outputs(
        self, batch: Tensor, modules: Mapping[str, nn.Module]
    ) -> tuple[int, list[tuple[str, Any]]]:
        """Show a batch; return how many images it was filled up to, and what the modules put out.

        modules: by name; each call of one is an output, in order. An output is a copy, which no
        later operation of the network changes.
        Raises ConfigError where torch cannot compile the network, or where the network fails.
        """
        if dict(modules) != dict(self._modules):
            self._prepare(modules)
        self._size = max(self._size, len(batch))
        self._compute(batch if len(batch) == self._size else _filled(batch, self._size))
        return self._size, list(self._outputs)

    def close(self) -> None:
        """Take the hooks off the network, and forget all that torch has compiled."""
        self._hooks.close()
        self._outputs.clear()
        torch.compiler.reset()

    def _prepare(self, modules: Mapping[str, nn.Module]) -> None:
        self._hooks.close()
        for name, module in modules.items():
            self._hooks.callback(module.register_forward_hook(self._recorder(name)).remove)
        self._modules, self._size = dict(modules), 0
        try:
            self._run = torch.compile(self._show, dynamic=False)
        except RuntimeError as error:  # on a system or a Python for which there is no compiler
            raise _uncompiled(self._network, error, *_INFERENCE) from error

    def _recorder(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(_module: nn.Module, _inputs: Any, output: Any) -> None:
            copied = output.clone() if isinstance(output, Tensor) else output
            self._outputs.append((name, copied))

        return record

    def _show(self, batch: Tensor) -> None:
        self._network(batch)

    def _compute(self, batch: Tensor) -> None:
        import torch._inductor.config as inductor
        from torch._dynamo.exc import TorchDynamoException

        self._outputs.clear()  # here, since torch compiles anew where the list has another length
        try:
            with torch.inference_mode(), inductor.patch(freezing=True):
                self._run(batch)
        except torch.OutOfMemoryError:
            self._size = 0  # smaller batches will come
            raise
        except TorchDynamoException as error:
            show(self._network, batch)  # which tells where the network itself is at fault
            raise _uncompiled(self._network, error, *_INFERENCE) from error


class CompiledNetwork(nn.Module):
    """A compiled network as a module that puts out what the network does, for each image."""

    def __init__(self, network: nn.Module, compiled: Compiled) -> None:
        super().__init__()
        self._network, self._compiled = network, compiled

    def forward(self, batch: Tensor) -> Any:
        """Return the network's output."""
        _, [(_, output)] = self._compiled.outputs(batch, {"": self._network})
        return output[: len(batch)] if isinstance(output, Tensor) else output


@contextmanager
def compiled(network: nn.Module) -> Iterator[Compiled]:
    """Have a network compiled while the block lasts; it is left as it was."""
    made = Compiled(network)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def compiled_training(network: nn.Module) -> Iterator[nn.Module]:
    """Return what shows a network batches in training, forward and backward compiled by torch.

    It has the network's parameters, and is compiled once for each size of a batch. What the network
    draws at random it draws as if it were not compiled.
    """
    import torch._inductor.config as inductor

    with inductor.patch(fallback_random=True):
        try:
            yield _Trained(network)
        finally:
            torch.compiler.reset()  # which else gives up after some networks


class _Trained(nn.Module):
    """A network in training whose passes are compiled."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        try:
            self._run = torch.compile(network, dynamic=False)
        except RuntimeError as error:  # on a system or a Python for which there is no compiler
            raise _uncompiled(network, error, *_TRAINING) from error

    def forward(self, batch: Tensor) -> Any:
        """Return the network's output."""
        from torch._dynamo.exc import TorchDynamoException

        try:
            return self._run(batch)
        except TorchDynamoException as error:
            show(self._network, batch)  # which tells where the network itself is at fault
            raise _uncompiled(self._network, error, *_TRAINING) from error


def _filled(batch: Tensor, size: int) -> Tensor:
    """Return a batch of this size, filled up with its last image, in the same memory format."""
    missing = size - len(batch)
    filled = torch.cat([batch, batch[-1:].expand(missing, *batch.shape[1:])])
    is_last = batch.ndim == 4 and batch.is_contiguous(memory_format=torch.channels_last)
    return filled.contiguous(memory_format=torch.channels_last) if is_last else filled


def _uncompiled(network: nn.Module, error: Exception, asked_by: str, otherwise: str) -> ConfigError:
    from torch._inductor.exc import InvalidCxxCompiler

    causes = [error, error.__cause__, getattr(error, "inner_exception", None)]
    if any(isinstance(cause, InvalidCxxCompiler) for cause in causes):
        return ConfigError(
            f"{asked_by} needs a C++ compiler, and there is none here: install g++, or "
            f"name another in the environment variable CXX, or {otherwise}"
        )
    return ConfigError(
        f"{asked_by}: torch cannot compile {type(network).__name__}: {first_line(error)}: "
        f"{otherwise}"
    )
