"""How does a picture of any kind become what a network expects to see?

Only the modules that work on tensors or networks load torch: `normalise`, `channels`, `pictures`.
"""
