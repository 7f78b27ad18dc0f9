"""The verbs of the command line that belong to no capability: one file each."""
