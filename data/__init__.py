"""Everything about the facts: reading them, keeping them, and counting them."""
