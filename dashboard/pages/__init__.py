"""One file a page: registration, ids, layout, callbacks."""
