//! WarrenMQ's log and options of sockets as a Node addon: checks and carries arguments, nothing else.
//! `src/log/native/` uses the log, `src/acceptor/loopback.ts` the sockets.

mod memory;
mod native_log;
mod port;
#[cfg_attr(test, allow(dead_code))] // In tests napi registers no functions.
mod socket;
