"""Which version of Prunescope is this?"""

__version__ = "0.1.0"
