"""How are the pictures of the embedded concept set drawn, labelled and written?"""
