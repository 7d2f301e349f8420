"""What Meta does not have: the doors through which the emulator is steered and questioned."""
