"""What people see and touch: pages, login, exports and the command line."""
