"""By which scores do weights survive? Each module here is a criterion of its name.

It has a function `scores(network, mask)`, which returns a score of each weight of every tensor of
the mask; those with higher ones survive. What it draws at random it draws from torch's global
generator.
"""
