"""How are weights read that any tool has saved?"""
