"""敘獎: the school's own criteria, what they find, the cases made from it, and who may take which step. Nothing here awards anything."""
