"""What happens in the world: users react, ratings move, flags rise and fall, limits grow."""
