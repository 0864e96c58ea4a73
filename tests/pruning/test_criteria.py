"""Do weights survive by the scores of a criterion, ours or the user's?"""

import copy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import prunescope as ps
from prunescope.base.errors import ConfigError, InputError
from prunescope.base.registry import Registry
from prunescope.pruning.choices import CRITERIA, SCOPES

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes what a criterion returns, and how the criterion is named."""
    monkeypatch.chdir(tmp_path)

    def write(result: str) -> str:
        monkeypatch.delitem(sys.modules, "mine", raising=False)
        text = f"import torch\n\n\ndef first(network, mask):\n    return {result}\n"
        (tmp_path / "mine.py").write_text(text)
        return "mine:first"

    return write


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 3))


def test_a_criterion_is_a_module_and_a_scope_too() -> None:
    scored = {"magnitude", "random", "snip", "grasp", "synflow"}
    assert set(CRITERIA.names) == scored | {"same", "shuffled"}
    assert SCOPES.names == ("erk", "global", "layerwise")


def test_criteria_that_need_gradients_score_where_torch_records_none() -> None:
    dense = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten())
    masks = []
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with mode():
            masks.append(ps.prune(copy.deepcopy(dense), keep=0.5, criterion="synflow"))
    assert all(torch.equal(masks[0]["0.weight"], mask["0.weight"]) for mask in masks[1:])


def test_weights_survive_by_the_scores_of_a_function_of_the_users(write: Write) -> None:
    criterion = write("{n: -torch.arange(k.numel()).view(k.shape) for n, k in mask.items()}")
    mask = ps.prune(network(), keep=0.5, criterion=criterion, scope="layerwise")
    kept = {name: tensor.flatten().tolist() for name, tensor in mask.items()}
    assert kept == {
        "0.weight": [True] * 4 + [False] * 4,
        "1.weight": [True] * 3 + [False] * 3,
    }


def test_a_function_of_the_users_sees_the_network_and_the_mask(write: Write) -> None:
    pruned = network()
    first = ps.prune(pruned, keep=0.5)
    second = ps.prune(
        pruned,
        keep=0.25,
        mask=first,
        criterion=write("{n: network.get_parameter(n).abs() * mask[n] for n in mask}"),
    )
    same = ps.prune(pruned, keep=0.25, mask=first)
    assert all(torch.equal(second[name], same[name]) for name in same)


def test_what_a_criterion_draws_depends_on_the_seed_alone(write: Write) -> None:
    criterion = write("{n: torch.rand(k.shape) for n, k in mask.items()}")
    pruned = [network() for _ in range(3)]
    state = torch.get_rng_state()
    masks = [
        ps.prune(one, keep=0.5, criterion=criterion, seed=seed)
        for one, seed in zip(pruned, (0, 0, 1), strict=True)
    ]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(masks[0]["0.weight"], masks[1]["0.weight"])
    assert not torch.equal(masks[0]["0.weight"], masks[2]["0.weight"])


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("[1]", "a list, but must return a dict"),
        ("{}", "no tensor of scores for 0.weight"),
        ("{n: 1 for n in mask}", "no tensor of scores for 0.weight"),
        ("{n: torch.ones(3) for n in mask}", r"shape \(3,\), but must .* of shape \(2, 4\)"),
        ("{n: torch.ones(k.shape) * 1j for n, k in mask.items()}", "complex64"),
        ("dict.fromkeys([*mask, 'head'], torch.ones(1))", '"head", which is not to be pruned'),
        ("{n: torch.ones(k.shape) / 0 for n, k in mask.items()}", "not finite"),
        ("mask.nothing", r"AttributeError: .* \(.*mine.py, line 5\)"),
    ],
)
def test_a_criterion_that_does_not_score_each_weight_is_an_error(
    write: Write, result: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        ps.prune(network(), keep=0.5, criterion=write(result))


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ("magnitud", r'no criterion "magnitud" \(did you mean "magnitude"\?\)'),
        ("mine:frist", 'no function "frist" .*"first"'),
        ("nowhere:first", "importing nowhere failed: ModuleNotFoundError"),
        ("mine:torch", "torch of mine is a module"),
        ("mine:", "magnitude or random"),
        (3, "criterion is 3, but must be a text"),
    ],
)
def test_a_criterion_that_is_not_there_is_an_error(
    write: Write, criterion: str, words: str
) -> None:
    write("{}")
    with pytest.raises(ConfigError, match=words):
        ps.prune(network(), keep=0.5, criterion=criterion)


def test_the_file_of_a_users_choice_is_found_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loud.py").write_text("raise SystemExit")
    registry = Registry("criterion", "prunescope.pruning.criteria", "scores", allows_user_code=True)
    assert registry.source("loud:scores") == tmp_path / "loud.py"
    assert registry.source("magnitude") is None
    with pytest.raises(ConfigError, match="there is no module quiet here"):
        registry.source("quiet:scores")
