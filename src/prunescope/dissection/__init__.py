"""Which human concept does each unit of a network answer to?"""
