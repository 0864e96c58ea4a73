"""When is a dissection equal to one made by other code or on another machine?"""

from pathlib import Path

import numpy as np
import pandas as pd

from prunescope.results.dissection import LayerDissection


def check_as_expected(layer: LayerDissection, table: Path) -> None:
    """Fail unless every unit equals that of a table, within METHOD section 2, "Equality"."""
    expected, units = pd.read_csv(table), layer.units
    assert units["unit"].tolist() == expected["unit"].tolist()
    away = (units["threshold"] - expected["threshold"]).abs()
    assert (away.to_numpy() <= 1e-4 * largest_activations(layer)).all()
    assert ((units["iou"] - expected["iou"]).abs() <= 2e-4).all()
    assert units["truth"].tolist() == expected["truth"].tolist()
    # The rounding of another machine may swap labels whose IoUs are as close as this.
    clear = _runner_up_gap(layer) > 1e-3
    assert clear.sum() > 0.5 * len(units)
    assert units["label"][clear].tolist() == expected["label"][clear].tolist()


def largest_activations(layer: LayerDissection) -> np.ndarray:
    """Return each unit's largest absolute activation, on the images that it fires on most."""
    maps = layer.examples.groupby("unit")["map"]
    return maps.agg(lambda rows: np.abs(np.stack(rows)).max()).to_numpy()


def _runner_up_gap(layer: LayerDissection) -> np.ndarray:
    """Return how far each unit's best IoU is above its second best."""
    ious = np.nan_to_num(layer.overlap.iou)
    second, best = np.sort(ious, axis=1)[:, -2:].T
    return best - second
