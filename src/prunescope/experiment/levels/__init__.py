"""The kinds of levels."""
