"""The actions, one file each, listed here: what a window's events lead to.

An action is a pydantic model of its options with `act(summary, context)`. It returns when what it started is under way
(`Started`, with what its completion will be known by, in strict mode) or done (None), raises `Later` when it can't be done now
for a reason that is no failure, and raises anything else when it failed: the window is then tried again.
"""
