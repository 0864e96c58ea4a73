"""On which images does a unit barely fire?"""

import numpy as np
import pandas as pd


def borderline_images(images: pd.DataFrame, count: int) -> dict[int, list[tuple[str, int]]]:
    """Return by unit the images on which its masks are smallest, and the pixels of each.

    images: `LayerDissection.images`. count: of each unit at most, the smallest first, ties by the
    images' order. Units that fire on no image are left out.
    """
    if images.empty:
        return {}
    lengths = images["units"].map(len)
    masks = pd.DataFrame(
        {
            "unit": np.concatenate(images["units"].tolist()),
            "pixels": np.concatenate(images["activation"].tolist()),
            "image": np.repeat(images["image"].to_numpy(), lengths),
        }
    )
    masks = masks[masks["pixels"] > 0].sort_values(["unit", "pixels"], kind="stable")
    found: dict[int, list[tuple[str, int]]] = {}
    for unit, pixels, image in masks.groupby("unit").head(count).itertuples(index=False):
        found.setdefault(int(unit), []).append((str(image), int(pixels)))
    return found
