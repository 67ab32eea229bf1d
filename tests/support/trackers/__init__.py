"""One contract server per tracker: each checks what its vendor checks, and refuses what its vendor refuses."""
