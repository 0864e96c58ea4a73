"""Which weights compete for survival? Each module here is a scope of its name.

It has a function `groups(mask)`, which returns the names of the tensors whose weights compete,
group by group; every tensor of the mask is in one of them.
"""
