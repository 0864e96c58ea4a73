"""Which networks are there, by name, and how are their weights read?"""
