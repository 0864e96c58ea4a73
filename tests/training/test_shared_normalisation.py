"""Does batch normalisation of a shared batch compute what it does of the whole batch?"""

import copy

import pytest
import torch
from torch import nn

from prunescope.training.shared_normalisation import SharedNormalisation
from ranks import in_parallel

PARTS = (3, 1, 4)  # images of each process
SHAPES = {nn.BatchNorm1d: (), nn.BatchNorm2d: (2, 3), nn.BatchNorm3d: (2, 1, 3)}


class WithActivation(nn.BatchNorm2d):
    """A layer that normalises by itself and does more, as those of timm."""

    def forward(self, values):
        normalised = nn.functional.batch_norm(
            values, self.running_mean, self.running_var, self.weight, self.bias,
            self.training, self.momentum, self.eps,
        )  # fmt: skip
        return normalised.relu()


def batch(shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(sum(PARTS), 5, *shape, generator=generator, dtype=torch.float64)
    return (values * torch.arange(1, 6).view(-1, *(1,) * len(shape)) + 7).to(dtype)


def passed(layer, values, ranks=None, counts=True):
    """Show values to a layer twice; return outputs, the gradient, and the layer's tensors."""
    layer, values = copy.deepcopy(layer), values.clone().requires_grad_()
    for _ in range(2):
        if ranks is None:
            output = layer(values)
        else:
            with SharedNormalisation(ranks, counts=counts):
                output = layer(values)
    weights = torch.linspace(-1, 1, output[0].numel(), dtype=output.dtype).view(output.shape[1:])
    (output.sin() * weights).sum().backward()
    gradients = {name: each.grad for name, each in layer.named_parameters()}
    return output.detach(), values.grad, gradients, layer.state_dict()


def shared(layer, values, parts=PARTS):
    pieces = values.split(parts)
    return in_parallel(lambda ranks: passed(layer, pieces[ranks.rank], ranks), len(parts))


def check_equal(layer, values, **tolerances):
    output, slope, gradients, state = passed(layer, values)
    results = shared(layer, values)
    close = lambda mine, theirs: torch.testing.assert_close(mine, theirs, **tolerances)  # noqa: E731
    close(torch.cat([each[0] for each in results]), output)
    close(torch.cat([each[1] for each in results]), slope)
    for name, gradient in gradients.items():
        close(sum(each[2][name] for each in results), gradient)
    for each in results:
        assert list(each[3]) == list(state)
        close(each[3], state)
        assert all(torch.equal(each[3][name], results[0][3][name]) for name in state)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    "settings", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}]
)
def test_a_shared_batch_is_normalised_as_a_whole_one(kind, settings):
    check_equal(
        kind(5, dtype=torch.float64, **settings), batch(SHAPES[kind]), rtol=1e-12, atol=1e-13
    )


def test_a_layer_that_does_more_than_normalise_still_does():
    check_equal(WithActivation(5, dtype=torch.float64), batch((2, 2)), rtol=1e-12, atol=1e-13)


def test_float32_keeps_its_digits_where_the_mean_is_large():
    values = batch((2, 3), torch.float32) + 1e4
    expected = passed(nn.BatchNorm2d(5, dtype=torch.float64), values.double())[0]
    output = torch.cat([each[0] for each in shared(nn.BatchNorm2d(5), values)])
    native = passed(nn.BatchNorm2d(5), values)[0]
    error = lambda found: float((found - expected).abs().max())  # noqa: E731
    assert error(output) <= 2 * error(native)


def test_bf16_stays_bf16_and_the_memory_format_stays():
    values = batch((2, 3), torch.bfloat16).contiguous(memory_format=torch.channels_last)
    expected = passed(nn.BatchNorm2d(5), values)
    for result, piece in zip(shared(nn.BatchNorm2d(5), values), expected[0].split(PARTS),
                             strict=True):  # fmt: skip
        assert result[0].dtype == result[1].dtype == torch.bfloat16
        assert result[0].is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(result[0], piece, rtol=2e-2, atol=2e-2)


def test_images_that_do_not_count_are_normalised_and_leave_no_trace():
    layer, values = nn.BatchNorm2d(5, dtype=torch.float64), batch((2, 3))
    own, other = values[:7], values[7:]

    def show(ranks):
        counts = ranks.rank == 1
        return passed(layer, own if counts else other, ranks, counts)

    idle, result = in_parallel(show, 2)
    expected = passed(layer, own)
    for mine, theirs in zip(result, expected, strict=True):
        torch.testing.assert_close(mine, theirs)
    mean, variance = own.mean((0, 2, 3)), own.var((0, 2, 3), correction=0)
    by_hand = (other - mean.view(-1, 1, 1)) / (variance.view(-1, 1, 1) + 1e-5).sqrt()
    torch.testing.assert_close(idle[0], by_hand)


def test_a_single_value_in_all_processes_is_refused_as_torch_does():
    layer = nn.BatchNorm1d(5, dtype=torch.float64)

    def show(ranks):
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            passed(layer, batch(())[:1], ranks, counts=ranks.rank == 0)
        return True

    assert in_parallel(show, 2) == [True, True]


def test_evaluation_and_layers_shown_outside_are_not_shared():
    layer, values = nn.BatchNorm2d(5, dtype=torch.float64).eval(), batch((2, 3))
    whole = passed(layer, values)[0]
    assert torch.equal(torch.cat([each[0] for each in shared(layer, values)]), whole)
    layer.train()
    before = passed(layer, values)[0]
    shared(layer, values)
    assert torch.equal(passed(layer, values)[0], before)
    assert "forward" not in vars(layer)
