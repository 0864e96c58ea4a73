"""Which labelled images are there, and in which order does training see them?"""
