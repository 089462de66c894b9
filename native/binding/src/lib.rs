//! WarrenMQ's log as a Node addon: checks and carries arguments, nothing else. `src/log/native/`
//! is the only user.

mod memory;
mod native_log;
mod port;
