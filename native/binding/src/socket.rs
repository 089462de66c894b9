//! Options of TCP sockets that Node does not offer. The caller owns the descriptor and it stays open
//! during the call.

use napi::bindgen_prelude::Result;
use napi::{Error, Status};
use napi_derive::napi;

/// How the kernel paces what is sent on the socket `descriptor`: `TCP_CONGESTION`, tcp(7). Fails
/// with the system's words, also where the system has no such choice.
#[napi]
pub fn set_congestion_control(descriptor: i32, algorithm: String) -> Result<()> {
    set(descriptor, &algorithm).map_err(|text| {
        Error::new(Status::GenericFailure, format!("TCP_CONGESTION = {algorithm}: {text}"))
    })
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn set(descriptor: i32, algorithm: &str) -> std::result::Result<(), String> {
    use std::os::fd::BorrowedFd;

    if descriptor < 0 {
        return Err(format!("a descriptor was expected, {descriptor} came"));
    }
    // SAFETY: not -1, and open during this call: see above.
    let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
    rustix::net::sockopt::set_tcp_congestion(socket, algorithm).map_err(|error| error.to_string())
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn set(_: i32, _: &str) -> std::result::Result<(), String> {
    Err("this system has no such option".to_string())
}
