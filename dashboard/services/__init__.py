"""Use-cases: scope, load, metric, typed result. The only door from what is seen to the facts."""
