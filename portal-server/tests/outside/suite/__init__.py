"""Clients written by others, and what they do with the server."""
