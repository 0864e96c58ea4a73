"""How is a level made that loses whole filters?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.seeding import derive_seed, torch_generator
from prunescope.experiment.levels.pruned import PrunedLevelStage
from prunescope.pruning.choices import CRITERIA
from prunescope.results.layout import MASK, WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from prunescope.experiment.runner import StageRunner
    from prunescope.experiment.training_plan import TrainingPlan
    from prunescope.pruning.filters.groups import ChannelGroups
    from prunescope.pruning.mask import Mask
    from prunescope.pruning.selection import LevelRule


class FilteredLevelStage(PrunedLevelStage):
    """A level of which channel groups are gone, trained under their mask and saved without them.

    Masks of groups have a tensor for each coupled set, see `ChannelGroups`.
    """

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.pruning.filters.masking import FilterKeeper
        from prunescope.pruning.filters.removal import remove_filters
        from prunescope.pruning.lineage import check_groups

        network, groups = runner.new_network(self.seeds.init), runner.channel_groups
        before = self.groups_before(runner)
        after = self._choose(before, groups, runner)
        weights = self.weights_before(runner)
        network.load_state_dict(weights)
        mask = groups.weight_mask(after, weights)
        keeper = FilterKeeper(network, mask)
        plan = self.plan_for(network, mask, runner)
        history = runner.train(network, self, plan, mask, keeper)
        small = remove_filters(network, groups, after, resolution=runner.sources.side)
        runner.save_network(small.module, folder, units=small.units)
        runner.save_history(history, folder)
        runner.save_kept(self, plan, folder)
        runner.all_prunable(small.module).save(folder / MASK)
        check_groups(folder, self.title, before, after, self._group_rule(runner))
        return (
            f"{after.survivors:,} of {after.size:,} channel groups left, "
            f"{100 * self._keep(small.module, runner):.1f} % of the weights"
        )

    def groups_before(self, runner: "StageRunner") -> "Mask":
        """Return which channel groups the level before has."""
        if isinstance(self.previous, FilteredLevelStage):
            return self.previous.groups_left(runner)
        return runner.channel_groups.everything

    def groups_left(self, runner: "StageRunner") -> "Mask":
        """Return which channel groups the finished level has."""
        from prunescope.networks.description import read_description

        units = read_description(runner.folder(self) / WEIGHTS, runner.recipe.network).units
        return runner.channel_groups.survivors(units or {})

    def previous_weights(self, runner: "StageRunner") -> "dict[str, Tensor]":
        """Return the weights of the level before in the dense network's shapes."""
        weights = runner.weights_of(self.previous)
        if not isinstance(self.previous, FilteredLevelStage):
            return weights
        dense = runner.new_network(self.seeds.init).state_dict()
        shapes = {name: tuple(tensor.shape) for name, tensor in dense.items()}
        return runner.channel_groups.expanded(self.groups_before(runner), weights, shapes)

    def network(self, runner: "StageRunner") -> "nn.Module":
        from prunescope.networks.loading import load_network

        loaded = load_network(runner.recipe.network, weights=runner.folder(self))
        return loaded.module.to(runner.device)

    def finished_plan(
        self,
        network: "nn.Module",  # noqa: ARG002
        runner: "StageRunner",
    ) -> "TrainingPlan | None":
        dense = runner.new_network(self.seeds.init)
        mask = runner.channel_groups.weight_mask(self.groups_left(runner), dense.state_dict())
        return self.plan_for(dense, mask, runner)

    def sizes(self, network: "nn.Module", runner: "StageRunner") -> dict[str, Any]:
        from prunescope.pruning.acting import count_parameters

        dense = runner.new_network(self.seeds.init)
        groups = self.groups_left(runner)
        return {
            "keep": self._keep(network, runner),
            "keep_overall": count_parameters(network) / count_parameters(dense),
            "survivors": runner.all_prunable(network).size,
            "prunable": runner.all_prunable(dense).size,
            "groups_left": groups.survivors,
            "groups": groups.size,
        }

    def _keep(self, small: "nn.Module", runner: "StageRunner") -> float:
        dense = runner.new_network(self.seeds.init)
        return runner.all_prunable(small).size / runner.all_prunable(dense).size

    def _choose(self, before: "Mask", groups: "ChannelGroups", runner: "StageRunner") -> "Mask":
        import torch

        from prunescope.pruning.filters.scoring import filter_scores, refuse_empty

        rule = self._group_rule(runner)
        if rule.source is not None:
            criterion: Any = CRITERIA.module(self.strategy.criterion)
            derived: Mask = criterion.derive(rule.source, groups.everything, self.seeds.init)
            return derived
        scores: dict[str, Tensor]
        if self.strategy.criterion == "random":
            seed = derive_seed(self.seeds.init, "prune", self.key.strategy, self.key.level)
            generator = torch_generator(seed, "filters")
            scores = {
                name: torch.rand(len(kept), generator=generator) for name, kept in before.items()
            }
        else:
            scores = dict(filter_scores(groups, self.previous_weights(runner)))
        after = rule.select(scores, before)
        if not self.strategy.allow_empty_layers:
            refuse_empty(before, after)
        return after

    def _group_rule(self, runner: "StageRunner") -> "LevelRule":
        from prunescope.pruning.selection import LevelRule

        source = self.source
        taken = source.groups_left(runner) if isinstance(source, FilteredLevelStage) else None
        return LevelRule.of(self.strategy, self.key.level, taken)
