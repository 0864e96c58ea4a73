"""How does a picture of any kind become what a network expects to see?

Nothing here loads torch but the modules that work on tensors or on networks: `normalise`,
`channels` and `pictures`.
"""
