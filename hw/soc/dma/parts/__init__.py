"""What both DMAs are made of: turns, shifts, parts of words, queues, addresses that rise."""
