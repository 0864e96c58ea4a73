"""Which network says what every pixel of a photograph shows, and how is it asked?"""
