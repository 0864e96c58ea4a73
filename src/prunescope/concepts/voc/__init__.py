"""What does a folder in the layout of PASCAL VOC say?"""
