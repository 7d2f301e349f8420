"""By the clock: what has to happen although nobody sends or writes anything."""
