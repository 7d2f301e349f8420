"""Outbound message gateway between business apps and Meta's WhatsApp Cloud API."""
