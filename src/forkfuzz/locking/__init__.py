"""How tasks wait for each other: spinlocks, rwsems, mmap_lock and the VMA locks."""
