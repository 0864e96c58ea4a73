"""What compares images with words? Each module here is a library, by its name.

It has a function `open_encoder(model, options, device)`, which returns an `Encoder` for a model of
that library, and names with `PACKAGE` what must be installed for it. `OPTIONS` is what may stand
behind the model (`open-clip:MODEL,pretrained=TAG`), each with what it says.
"""

from prunescope.base.registry import Registry

ENCODERS = Registry(
    kind="encoder",
    package="prunescope.dissection.encoders",
    function="open_encoder",
    allows_user_code=True,
)
