"""Who may see what. Denying is the default; pages and callbacks opt in."""
