"""Many people at once on a real server: does anybody ever get what is not theirs?"""
