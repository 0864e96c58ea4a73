"""How does a network learn, from one step to another, and how good is it then?"""
