"""`python -m dashboard.cli` is `licheng`."""

from dashboard.cli import main

main()
