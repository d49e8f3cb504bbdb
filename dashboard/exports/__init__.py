"""Tables to take away: the same services, the same scope."""
