"""Which units fit their concepts better than chance would have it?"""
