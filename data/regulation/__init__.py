"""The regulation's rules as data and checks: the working calendar so far."""
