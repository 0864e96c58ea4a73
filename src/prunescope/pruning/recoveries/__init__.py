"""How does a pruned network get its accuracy back? Each module here is a recovery of its name.

It has a function `recover(strategy, training, rewind_to, level, seeds)`, which returns a
`Recovery`: from which weights a level of a strategy starts, and how it is trained. `training` are
the study's settings, `rewind_to` is its rewind point, `seeds` are those of the replicate.

A recovery of ours states in `ORIGIN` what the levels start from, so that a study can be planned and
watched without running anything, and in `SETTINGS` the settings of a strategy that it takes and the
others may not: a strategy that states one with a recovery that does not take it is refused. It may
say in `TRAINED` how its levels are trained instead, have a function `check(strategy)`, which raises
ValueError where settings are missing or do not belong together, and a function
`in_words(strategy)`, which describes it. With `FROM_REWIND_STEP` it states that the schedule runs
from the rewind point's step on, whichever weights a level starts from.
"""
