"""Which formulas of labels are the units' masks closest to?"""
