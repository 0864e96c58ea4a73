"""How many weights does each level keep? Each module here is a schedule of its name.

It has a function `survivors(before, size, level, strategy)`, which returns how many of `size`
weights a level keeps, of which the level before has kept `before`. Levels count from 1;
`strategy.levels` is the last. Before a run, while it runs and in its audit the same function is
asked, about all prunable weights or about those of a group of the scope.

A schedule of ours states in `SETTINGS` which settings of a strategy it takes, and has a function
`in_words(strategy)`, which says what it leaves. Where a level depends on a part of a setting alone,
`for_key(strategy, level)` returns what of these settings enters the level's key.
"""
