//! WarrenMQ's log and what Node does not offer of the system, as a Node addon: checks and carries
//! arguments, nothing else. `src/log/native/` uses the log, `src/acceptor/loopback.ts` the sockets,
//! `src/supervisor/freed-memory.ts` the allocator.

#[cfg_attr(test, allow(dead_code))] // In tests napi registers no functions.
mod allocator;
mod memory;
mod native_log;
mod port;
#[cfg_attr(test, allow(dead_code))]
mod socket;
