"""What a sender may do: each rule judged on its own, and what the rules remember."""
