"""Seeds: the task of one pair, its workflow, the runner of many, and the scheduler of periodic sets."""
