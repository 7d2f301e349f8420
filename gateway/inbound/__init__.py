"""From Meta to us: take in, understand, remember."""
