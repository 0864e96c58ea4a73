"""Which weights of one network go, outside any study?"""

from dataclasses import dataclass
from fractions import Fraction

from torch import nn
from torch.nn.utils.prune import is_pruned

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import derive_seed
from prunescope.base.text import counted
from prunescope.pruning import two_four
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.patterns import Prunable
from prunescope.pruning.prunable import Behaviour, behaviour_of, prunable_names
from prunescope.pruning.scoring_images import NoImages
from prunescope.pruning.selection import Rule, prune_by
from prunescope.pruning.settings import PruneSettings


def prune_module(
    model: nn.Module,
    settings: PruneSettings,
    *,
    mask: Mask | None = None,
    behaviour: Behaviour | None = None,
) -> Mask:
    """Set all but a share of a network's weights to zero, as `prunescope.prune` does.

    settings: they state what to keep, or a structure that does.
    behaviour: of the network, where it is known already.
    """
    before = starting_mask(model, mask, settings.prunable, behaviour)
    if settings.structure == "2:4":
        two_four.check(before, two_four.input_axes(model, before), "prune")
    rule = KeepRule(
        criterion=settings.criterion,
        scope=settings.scope,
        structure="2:4" if settings.structure == "2:4" else "weights",  # filters go elsewhere
        keep=settings.keep,
    )
    seed = derive_seed(settings.seed, "prune", settings.criterion)
    after = prune_by(rule, model, before, images=NoImages(model), seed=seed)
    if not after.survivors:
        raise ConfigError(
            f"keep is {settings.keep}, of which nothing is left of the network's {after.size:,} "
            f"prunable weights: give more than {0.5 / after.size:.2g}"
        )
    MaskKeeper(model, after)
    return after


def starting_mask(
    model: nn.Module, mask: Mask | None, prunable: Prunable, behaviour: Behaviour | None = None
) -> Mask:
    """Return a mask of every prunable tensor: as stated, and of ones elsewhere.

    behaviour: of the network, where it is known already.
    Raises ConfigError where the mask prunes what `prunable` leaves out, or where torch prunes the
    network; DataError where the mask is another network's.
    """
    if is_pruned(model):
        raise ConfigError(
            "the network is under torch.nn.utils.prune: take it out with "
            "prunescope.pruning.interchange.detach_torch_masks, and pass the mask that returns"
        )
    behaviour = behaviour or behaviour_of(model)
    ones = Mask.ones(model, prunable_names(model, prunable, behaviour))
    if mask is None:
        return ones
    mask = mask.under_first_names(model)
    mask.check_fit(dict(model.named_parameters()))
    for name, kept in mask.items():
        if name not in ones and not bool(kept.all()):
            if name not in prunable_names(model, "all", behaviour):
                raise ConfigError(
                    f"{name} is pruned already, but is no weight of a convolution or linear layer, "
                    "and no other is pruned here: leave it out of the mask, and keep its zeros as "
                    "they are (torch.nn.utils.prune.remove(layer, NAME), and save again)"
                )
            raise ConfigError(
                f"{name} is pruned already, but not prunable by the convention "
                f'"{prunable}": choose one that holds it'
            )
    return Mask({name: mask.get(name, kept) for name, kept in ones.items()})


@dataclass(frozen=True, kw_only=True)
class KeepRule(Rule):
    """Keep a share of all weights. keep: None where the structure says how many are left."""

    keep: float | None

    def left(self, mask: Mask) -> int:
        """Return round(keep x n), half to even, `keep` taken as the decimal it is written as.

        Raises ConfigError where fewer are left already.
        """
        wanted = round(mask.size * Fraction(str(self.keep)))
        if wanted > mask.survivors:
            where = "the network" if len(mask) > 1 else next(iter(mask))
            raise ConfigError(
                f"keep is {self.keep}, which is {wanted} of {where}'s "
                f"{counted(mask.size, 'weight')}, but only {mask.survivors} are left, and masks "
                "only shrink: choose a lower one"
            )
        return wanted
