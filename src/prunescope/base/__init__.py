"""What does every other room stand on?"""
