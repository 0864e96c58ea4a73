"""Which channels of a network go together, which of them go, and how are they taken out?

`finding` groups a network's channels, `scoring` says which groups survive, `masking` keeps the
others at zero while the network trains, `removal` takes them out.
"""
