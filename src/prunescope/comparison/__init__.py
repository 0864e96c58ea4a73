"""What became of units and concepts between two dissections, levels, runs or conventions?"""
