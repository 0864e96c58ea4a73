"""What do the saved dissections say, one by one and level against level?"""
