"""By which scores do weights survive? Each module here is a criterion of its name.

It has a function `scores(network, mask, batches)`, which returns a score of each weight of every
tensor of the mask; those with higher ones survive. What it draws at random it draws from torch's
global generator. `batches` are training images with their labels, see `ScoringImages`; a criterion
that needs none may leave the argument out.

A criterion states with `SEES_IMAGES` that it reads the images; with `SINGLE_SHOT` that it scores
the network at the rewind point, once for all levels; with `ROUNDS` in how many rounds it is asked
anew, each time about the weights that the round before left.

One that states `TAKES_MASKS` takes those of another strategy: instead of `scores` it has a function
`derive(mask, dense, seed)`, which returns the mask of a level from the other's and level 0's.
"""
