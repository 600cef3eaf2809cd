"""How each part is taught: loops one can read, mathematics as pure functions, state that survives a kill."""
