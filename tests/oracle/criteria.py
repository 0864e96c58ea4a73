"""How much does each weight score, computed in the plainest way from the written method alone?

METHOD, section 3. Snip is |w g| (Lee et al. 2019), with g the gradient of the mean training loss
over some images; grasp is w H g (Wang et al. 2020), with the Hessian H written out as a matrix;
synflow (Tanaka et al. 2020) is w dR/dw of the network of magnitudes. Everything is computed in
float64. It shares no code with the package.

alive: for each prunable tensor, in state-dict order, which weights survive; the others are zero.
batches: images with their labels, of which each batch is shown at once. `draw` is called with the
number of a batch before it is shown: it seeds what the network draws, so that all gradients are of
one function.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from oracle.scopes import keep_highest

Tensors = dict[str, Tensor]
Batches = Sequence[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor], Tensor]
Draw = Callable[[int], object]


def magnitude(network: nn.Module, alive: Tensors) -> Tensors:
    """Return |w|."""
    return _split(_in_a_row(network, alive).abs(), alive)


def snip(
    network: nn.Module,
    alive: Tensors,
    batches: Batches,
    smoothing: float = 0,
    draw: Draw = torch.manual_seed,
) -> Tensors:
    """Return |w g|, the network in the mode it is in."""
    weights = _in_a_row(network, alive)
    gradient = _gradient(_mean_loss(network, alive, batches, smoothing, draw), weights)
    return _split((weights * gradient).abs(), alive)


def grasp(
    network: nn.Module,
    alive: Tensors,
    batches: Batches,
    smoothing: float = 0,
    draw: Draw = torch.manual_seed,
) -> Tensors:
    """Return w H g, the network in the mode it is in; H has a row for each prunable weight."""
    weights = _in_a_row(network, alive)
    loss = _mean_loss(network, alive, batches, smoothing, draw)
    return _split(weights * (hessian(loss, weights) @ _gradient(loss, weights)), alive)


def grasp_by_differences(
    network: nn.Module, alive: Tensors, batches: Batches, step: float = 1e-5
) -> Tensors:
    """Return w H g, with H g the change of the gradient g along itself."""
    weights = _in_a_row(network, alive)
    loss = _mean_loss(network, alive, batches, 0, torch.manual_seed)
    g = _gradient(loss, weights)
    change = _gradient(loss, weights + step * g) - _gradient(loss, weights - step * g)
    return _split(weights * change / (2 * step), alive)


def flow(network: nn.Module, alive: Tensors, shape: tuple[int, int, int]) -> Tensors:
    """Return w dR/dw, R the sum of the outputs for an input of ones, all weights magnitudes."""
    network = copy.deepcopy(network).double().eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.zero_()
        if name.endswith("running_var"):
            buffer.fill_(1)
        if name.endswith(("weight", "bias")):  # gains and shifts that are not trained
            buffer.abs_()
    parameters = {name: value.detach().abs() for name, value in network.named_parameters()}
    for name, kept in alive.items():
        parameters[name] = (parameters[name] * kept).requires_grad_()
    total = functional_call(network, parameters, torch.ones(1, *shape).double()).sum()
    gradients = grad(total, [parameters[name] for name in alive])
    return {
        name: (parameters[name] * gradient).detach()
        for name, gradient in zip(alive, gradients, strict=True)
    }


def synflow(
    network: nn.Module, alive: Tensors, shape: tuple[int, int, int], density: float, rounds: int
) -> Tensors:
    """Return which weights survive, after rounds at densities d^(r/rounds), ranked globally."""
    size = sum(kept.numel() for kept in alive.values())
    for number in range(1, rounds + 1):
        scores = flow(network, alive, shape)
        kept = keep_highest(
            {name: score.flatten().tolist() for name, score in scores.items()},
            {name: marks.flatten().tolist() for name, marks in alive.items()},
            round(size * density ** (number / rounds)),
        )
        alive = {name: torch.tensor(kept[name]).view(alive[name].shape) for name in alive}
    return alive


def _mean_loss(
    network: nn.Module, alive: Tensors, batches: Batches, smoothing: float, draw: Draw
) -> Loss:
    """Return the mean loss over all images as a function of the prunable weights in a row."""
    network = copy.deepcopy(network).double()
    images = sum(len(labels) for _, labels in batches)

    def loss(weights: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for number, (pixels, labels) in enumerate(batches):
            draw(number)
            outputs = functional_call(network, _split(weights, alive), pixels.double())
            mean = cross_entropy(outputs, labels, label_smoothing=smoothing)
            total = total + mean * len(labels) / images
        return total

    return loss


def _gradient(loss: Loss, weights: Tensor) -> Tensor:
    weights = weights.detach().clone().requires_grad_()
    return grad(loss(weights), weights)[0]


def _in_a_row(network: nn.Module, alive: Tensors) -> Tensor:
    state = network.state_dict()
    return torch.cat([(state[name].double() * kept).flatten() for name, kept in alive.items()])


def _split(weights: Tensor, alive: Tensors) -> Tensors:
    parts = weights.split([kept.numel() for kept in alive.values()])
    return {
        name: part.view(kept.shape) for (name, kept), part in zip(alive.items(), parts, strict=True)
    }
