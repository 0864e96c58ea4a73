"""A page of a study, a comparison or a dissection: one folder that opens from disk."""
