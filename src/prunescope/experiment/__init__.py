"""How are studies planned, run and looked at, and single networks measured?"""
