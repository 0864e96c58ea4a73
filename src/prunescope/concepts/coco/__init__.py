"""What does a COCO file say, and which pixels does it mean?"""
