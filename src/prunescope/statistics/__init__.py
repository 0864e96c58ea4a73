"""How sure is what was found, and what follows from it?"""
