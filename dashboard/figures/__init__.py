"""Figures: a frame in, a plain Plotly dict out."""
