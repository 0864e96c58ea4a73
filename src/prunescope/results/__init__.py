"""What lies in a run folder, a dissection and a comparison, and how is it read and written?"""
