"""Meta's words, talking to no one: what is sent to WhatsApp, what comes back, and what it means."""
