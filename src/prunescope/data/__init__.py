"""Which labelled images does a data set have, and in which order does training show them?"""
