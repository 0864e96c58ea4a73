"""Which of a list of words does each unit answer to, on images that need no labels?"""
