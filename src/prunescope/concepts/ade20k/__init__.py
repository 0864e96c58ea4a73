"""What does a folder of ADE20K say?"""
