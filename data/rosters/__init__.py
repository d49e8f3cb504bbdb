"""What platforms export: reading it, recognising it, and taking it in, all or nothing. One module a roster kind."""
