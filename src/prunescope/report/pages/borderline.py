"""On which images does a unit barely fire, where only what each image adds was saved?"""

import numpy as np
import pandas as pd


def borderline_images(images: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the images on which the masks of each unit are smallest, as `borderline.parquet` has.

    images: `LayerDissection.images`, which do not have the maps. count: of each unit at most, the
    smallest first, ties by the images' order. Units that fire on no image are left out.
    """
    if images.empty:
        return pd.DataFrame()
    lengths = images["units"].map(len)
    masks = pd.DataFrame(
        {
            "unit": np.concatenate(images["units"].tolist()),
            "pixels": np.concatenate(images["activation"].tolist()),
            "image": np.repeat(images["image"].to_numpy(), lengths),
        }
    )
    masks = masks[masks["pixels"] > 0].sort_values(["unit", "pixels"], kind="stable")
    masks["rank"] = masks.groupby("unit").cumcount()
    return masks[masks["rank"] < count].reset_index(drop=True)
