"""Where can a training be watched? Every module here is a tracker, by its name."""

from prunescope.base.registry import Registry

TRACKERS = Registry(kind="tracker", package="prunescope.training.trackers", function="open_tracker")
