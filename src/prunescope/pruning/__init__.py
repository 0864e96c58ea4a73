"""Which weights are taken away, and how does the network recover?"""
