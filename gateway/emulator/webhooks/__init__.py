"""What Meta tells a business: updates built, signed, sent and sent again."""
