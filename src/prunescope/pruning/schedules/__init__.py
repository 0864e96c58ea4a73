"""How many weights does each level keep? Each module here is a schedule of its name.

It has a function `survivors(before, size, level, strategy)`, which returns how many of `size`
weights a level keeps, of which the level before has kept `before`. Levels count from 1;
`strategy.levels` is the last. Before a run, while it runs and in its audit the same function is
asked, about all prunable weights or about those of a group of the scope. A schedule of ours may
have a function `in_words(strategy)`, which says what it removes at each level.
"""
