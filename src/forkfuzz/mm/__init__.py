"""What exists: frames, page tables, TLBs, address spaces. Passive; nothing awaits."""
