"""The decision: pure functions of a message, the facts, the knobs and the hour."""
