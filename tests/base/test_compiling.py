"""Do compiled networks put out what plain ones do, and say what is missing where they cannot?"""

import copy

import pytest
import torch
import torch._inductor.config as inductor
from torch import nn
from torch._dynamo.utils import counters
from torch._inductor.utils import fresh_inductor_cache

from prunescope.base.arithmetic import computing_by
from prunescope.base.compiling import Compiled, CompiledNetwork, compiled
from prunescope.base.errors import ConfigError

SIZE = (3, 8, 8)


def network(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 4, 3),
        nn.Flatten(),
        nn.Linear(144, 5),
    )
    model[1].running_mean.normal_()
    model[1].running_var.uniform_(0.5, 2)
    return model.eval()


def draw(count):
    return torch.randn(count, *SIZE, generator=torch.Generator().manual_seed(count))


def plainly(model, batch):
    """Return copies of what each module puts out, by name."""
    outputs = {}
    with torch.inference_mode():
        for name, module in model.named_children():
            batch = module(batch)
            outputs[name] = batch.clone()
    return outputs


def check(found, expected):
    for name, output in expected.items():
        assert (found[name] - output).abs().max() <= 1e-5 * output.abs().max(), name


@pytest.mark.long
def test_every_module_puts_out_what_it_did_even_before_an_operation_in_place():
    model, batch = network(), draw(4)
    before = copy.deepcopy(model.state_dict())
    expected = {name: plainly(model, batch)[name] for name in "134"}
    expected["1"] = model[1](model[0](batch)).detach()  # before the ReLU changes it
    with compiled(model) as made:
        count, outputs = made.outputs(batch, {name: model.get_submodule(name) for name in "134"})
        assert count == 4
        assert [name for name, _ in outputs] == ["1", "3", "4"]
        check(dict(outputs), expected)
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.long
def test_smaller_batches_are_filled_up_so_that_one_compilation_serves_them_all():
    model = network()
    counters.clear()
    with compiled(model) as made:
        for size in (5, 5, 3, 1, 4):
            batch = draw(size)
            count, [(name, output)] = made.outputs(batch, {"3": model[3]})
            assert count == 5
            check({name: output[:size]}, {"3": plainly(model, batch)["3"]})
    assert counters["stats"]["unique_graphs"] == 1


@pytest.mark.long
def test_other_modules_and_another_network_are_compiled_anew():
    for seed in (0, 1):
        model, batch = network(seed), draw(2)
        with computing_by("compiled", model, SIZE) as made:
            shown = CompiledNetwork(model, made)
            check({"5": shown(batch)}, {"5": plainly(model, batch)["5"]})
            _, [(_, output)] = made.outputs(batch, {"0": model[0]})
            check({"0": output}, {"0": model[0](batch).detach()})


class AsksForValues(nn.Module):
    """Computes further according to what it has computed, which no graph can hold."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, images):
        maps = self.conv(images)
        return maps if float(maps.mean()) > 1e9 else -maps


@pytest.mark.long
def test_what_torch_cannot_compile_as_a_whole_is_computed_all_the_same():
    model, batch = AsksForValues().eval(), draw(2)
    with compiled(model) as made, torch.inference_mode():
        found = CompiledNetwork(model, made)(batch)
        assert torch.allclose(found, model(batch), atol=1e-6)


@pytest.mark.long
def test_a_missing_compiler_is_named_with_what_to_do():
    model = network()
    with (
        fresh_inductor_cache(),
        inductor.patch({"cpp.cxx": (None, "/nowhere/g++")}),
        compiled(model) as made,
        pytest.raises(ConfigError, match=r'needs a C\+\+ compiler.*CXX, or take.*"folded"'),
    ):
        made.outputs(draw(2), {"3": model[3]})


@pytest.mark.long
def test_a_network_that_fails_is_at_fault_itself():
    model = network()
    batch = torch.zeros(2, 5, 8, 8)
    with (
        compiled(model) as made,
        pytest.raises(ConfigError, match="Sequential fails on a batch of 2 x 5 x 8 x 8"),
    ):
        made.outputs(batch, {"3": model[3]})


@pytest.mark.long
def test_a_batch_for_which_memory_ran_out_does_not_set_the_size_of_smaller_ones():
    class Large(nn.Module):
        def forward(self, images):
            if len(images) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return images

    model = Large()
    made = Compiled(model)
    made.outputs(draw(1), {"": model})
    made._run = made._show  # as torch compiles no raising
    with pytest.raises(torch.OutOfMemoryError):
        made.outputs(draw(4), {"": model})
    count, _ = made.outputs(draw(2), {"": model})
    made.close()
    assert count == 2


@pytest.mark.parametrize("arithmetic", ["folded", "compiled"])
def test_fused_operations_hide_no_value_that_is_not_finite(arithmetic):
    model, batch = network(), draw(2)
    model[1].running_var[0] = -1
    with computing_by(arithmetic, model, SIZE) as made, torch.inference_mode():
        assert made is None  # the network computes plainly
        assert not model(batch).isfinite().all()
