"""The doors that Meta's Graph API has: tokens, paths, messages, media, nodes."""
