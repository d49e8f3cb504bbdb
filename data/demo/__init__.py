"""A believable school, made from a seed, that writes the files its platforms would export."""
