"""Plans: the pairs of a seed, the facts about them, the problems that preflight finds, the cost and the method."""
