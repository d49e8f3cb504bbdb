"""Components: plain functions that return Dash components; they know neither the data nor who asks."""
