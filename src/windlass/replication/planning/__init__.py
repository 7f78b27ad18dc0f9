"""Plans: the pairs of a seed, what is known of them, what would make a seed fail, its cost and its method."""
