"""What follows for scored layers from their masks and the labels of all images?"""

from collections.abc import Mapping

import torch

from prunescope.base.devices import default_device, usable_device
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.chance.more import labels_of_saved
from prunescope.dissection.chance.permuting import draw_chance
from prunescope.dissection.formulas.finding import find_formulas
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.settings import DissectionSettings
from prunescope.results.dissection import LayerDissection


def completed(
    layers: Mapping[str, LayerDissection],
    masks: Mapping[str, KeptMasks],
    label_maps: LabelMaps,
    settings: DissectionSettings,
    device: torch.device,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> dict[str, LayerDissection]:
    """Return layers with what is due to chance, and the best formulas, where these are asked for.

    masks: of every layer, on the images of this process. label_maps: the labels of all images.
    """
    done = dict(layers)
    if settings.null:
        done = draw_chance(done, masks, label_maps, settings.null, device, ranks, progress)
    else:
        for kept in masks.values():
            kept.exchange(ranks)
    if settings.formulas > 1:
        done = find_formulas(done, masks, label_maps, settings, ranks, progress)
    return done


def completed_from_saved(
    layers: Mapping[str, LayerDissection],
    masks: Mapping[str, KeptMasks],
    concepts: ConceptSet,
    settings: DissectionSettings,
    *,
    progress: Progress = SILENT,
) -> dict[str, LayerDissection]:
    """Return the same of layers whose masks were saved.

    Raises ConfigError for another concept set, DataError for masks that do not fit the counts.
    """
    device = torch.device(usable_device(default_device()))
    label_maps = labels_of_saved(layers, masks, concepts, settings, progress)
    return completed(layers, masks, label_maps, settings, device, progress=progress)
