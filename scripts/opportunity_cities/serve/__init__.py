"""Offers the current release to many users at once over Arrow Flight SQL, read-only. See docs/serve.md."""
