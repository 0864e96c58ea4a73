"""What does a data set of the Hugging Face Hub say of its images?"""
