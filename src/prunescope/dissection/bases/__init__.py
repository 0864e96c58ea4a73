"""Along which directions may a layer be dissected? Each module here is a basis of its name.

It has a function `directions(observation, units, seed, progress)`, which returns a matrix for each
layer, float32 [direction, unit]. `observation` shows the network the images; `units` is how many
units each layer has; `seed` is for what is drawn at random. Where several processes share the
images, each must return the same. A basis that draws with the seed says so with `DRAWN`.
"""
