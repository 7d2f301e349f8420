"""Measures the gateway; every figure is a ratio of two things run side by side."""
