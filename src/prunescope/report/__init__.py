"""How are a study's numbers and pictures shown?"""
