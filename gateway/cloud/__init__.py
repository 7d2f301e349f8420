"""Meta's Cloud API: the only room that calls it."""
