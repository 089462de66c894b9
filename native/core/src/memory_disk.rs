//! A file system in memory whose writes are durable at once. Simulations put a fault disk on top.
