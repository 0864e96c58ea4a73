"""How are dissections, weights and concept sets shared on the Hugging Face Hub?"""
