"""Which weights compete for survival? Each module here is a scope of its name.

It has a function `groups(mask, left)`, which returns groups of tensors whose weights compete, each
as the names of the tensors and how many of its weights survive. Every tensor of the mask is in one
group. `left(part)` says how many weights the schedule keeps of a part of the mask, itself a `Mask`.
"""
