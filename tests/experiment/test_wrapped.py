"""Is a network the same, however it or its parts are wrapped?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.optim.swa_utils import AveragedModel

import prunescope as ps
from experiment.wrong_calls import NAME, ON, network
from prunescope.base.errors import ConfigError
from prunescope.base.modules import checked_network
from prunescope.base.wrappers import unwrapped, unwrapped_name, without_wrappers


@pytest.fixture(scope="module", autouse=True)
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    store = tmp_path_factory.mktemp("group") / "store"
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def concepts(drawn: Path) -> str:
    return f"broden:{drawn}"


@pytest.fixture(scope="module")
def expected(concepts: str) -> Any:
    return ps.dissect(network(), "layer3", concepts, **ON)["layer3"].units


def compiled(module: nn.Module) -> Any:
    return torch.compile(module, backend="eager")


WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "DataParallel": nn.DataParallel,
    "DistributedDataParallel": nn.parallel.DistributedDataParallel,
    "AveragedModel": AveragedModel,
    "CheckpointWrapper": checkpoint_wrapper,
    "OptimizedModule": compiled,
    "of two kinds": lambda module: nn.DataParallel(compiled(module)),
}


def around_all(wrap: Callable[[Any], Any]) -> Any:
    return wrap(network())


def around_parts(wrap: Callable[[Any], Any]) -> Any:
    model = network()
    model.layer2[0] = wrap(model.layer2[0])
    model.layer3 = wrap(model.layer3)
    return model


@pytest.fixture(params=WRAPPERS)
def wrap(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return WRAPPERS[request.param]


@pytest.mark.long
@pytest.mark.parametrize("around", [around_all, around_parts])
def test_layers_have_their_plain_names_and_put_out_the_same(
    wrap: Callable[[Any], Any], around: Callable[..., Any], concepts: str, expected: Any
) -> None:
    model = around(wrap)
    keys = list(model.state_dict())
    layer = unwrapped(unwrapped(model).layer3)
    wrapped_name = next(name for name, module in model.named_modules() if module is layer)
    for named in ("layer3", layer, unwrapped(model).layer3, wrapped_name):
        found = ps.dissect(model, named, concepts, **ON)
        assert list(found.layers) == ["layer3"]
        assert found["layer3"].units.equals(expected)
    assert ps.list_layers(model, resolution=32) == ps.list_layers(network(), resolution=32)
    assert list(model.state_dict()) == keys


@pytest.mark.long
@pytest.mark.parametrize("around", [around_all, around_parts])
def test_masks_have_plain_names_and_hold_and_fit_the_saved_weights(
    wrap: Callable[[Any], Any], around: Callable[..., Any], tmp_path: Path
) -> None:
    model, expected = around(wrap), ps.prune(network(), keep=0.5)
    mask = ps.prune(model, keep=0.5)
    assert list(mask) == list(expected)
    assert all(torch.equal(mask[name], expected[name]) for name in mask)
    keeper = ps.MaskKeeper(model, mask)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert mask.revived(model.state_dict()) == list(mask)
    keeper(optimizer)
    assert not mask.revived(model.state_dict())
    wrapped = ps.Mask(
        {
            name: tensor != 0
            for name, tensor in model.state_dict().items()
            if name.endswith("weight") and tensor.dim() > 1
        }
    )
    assert list(ps.prune(model, keep=0.4, mask=wrapped)) == list(mask)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    mask.save(tmp_path / "m.safetensors")
    audited = ps.audit(
        tmp_path / "w.pth", network=NAME, num_classes=10, mask=tmp_path / "m.safetensors"
    )
    assert (audited.keep, audited.problems) == (mask.keep, ())


@pytest.mark.parametrize("around", [around_all, around_parts])
def test_a_keeper_sees_that_the_parameters_of_a_wrapped_part_were_replaced(
    wrap: Callable[[Any], Any], around: Callable[..., Any]
) -> None:
    model = around(wrap)
    keeper = ps.MaskKeeper(model, ps.prune(model, keep=0.5))
    keeper()
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(fresh, assign=True)
    with pytest.raises(ConfigError, match="make a new one"):
        keeper()


class Reaching(nn.Module):
    """Says `module` itself, as networks do that were written for a wrapper."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.DataParallel(nn.Conv2d(3, 4, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        part: Any = self.part
        return part.module(images)  # type: ignore[no-any-return]


def test_code_that_names_the_wrapper_still_runs(concepts: str) -> None:
    model = Reaching().eval()
    found = ps.dissect(model, "part", concepts, **ON)
    plain = nn.Sequential(model.part.module)
    assert found["part"].units.equals(ps.dissect(plain, "0", concepts, **ON)["0"].units)
    assert isinstance(model.part, nn.DataParallel)
    assert "module" not in vars(model.part.module)


def test_a_network_is_as_it_was_after_an_error() -> None:
    model = around_parts(nn.DataParallel)

    def fail(plain: nn.Module) -> None:
        assert not any(isinstance(module, nn.DataParallel) for module in plain.modules())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), without_wrappers(model) as plain:
        fail(plain)
    assert isinstance(model.layer3, nn.DataParallel)


@pytest.mark.parametrize(
    ("name", "known", "plain"),
    [
        ("module.conv1", None, "conv1"),
        ("module._orig_mod.conv1", None, "conv1"),
        ("features.module.conv1", {"features.conv1"}, "features.conv1"),
        ("module.features.module.conv1", {"features.module.conv1"}, "features.module.conv1"),
        ("module.conv1", {"module.conv1", "conv1"}, "module.conv1"),
        ("module.module.conv1", {"module.conv1"}, "module.conv1"),
        ("features.module.other", {"features.conv1"}, "features.module.other"),
    ],
)
def test_only_the_steps_of_wrappers_leave_a_name(
    name: str, known: set[str] | None, plain: str
) -> None:
    assert unwrapped_name(name, known) == plain


@pytest.mark.filterwarnings("ignore:FSDP is switching:UserWarning")
@pytest.mark.filterwarnings("ignore:.*fully_shard:FutureWarning")
def test_a_network_that_is_sharded_is_refused_with_what_to_do() -> None:
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

    cpu = torch.device("cpu")
    part = network()
    part.layer3 = FullyShardedDataParallel(part.layer3, device_id=cpu)
    for model in (FullyShardedDataParallel(network(), device_id=cpu), part, fully_shard(network())):
        with pytest.raises(ConfigError, match=r"sharded among processes.*full_state_dict"):
            checked_network(model)
