"""People: the device flow (RFC 8628 with PKCE), and how to reach the person who has to say yes."""
