"""The evidence of a meeting, frozen: what it holds (evidence), how it is set (pdf, odt), and the one file of it all (archive)."""
