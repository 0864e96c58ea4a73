"""How is a network trained from one step to another, and how accurate is it then?"""
