//! When the C library's allocator gives freed memory back to the system. For the whole process.

use napi_derive::napi;

/// From now on each allocation of at least `mapped_bytes` is a mapping of its own, which goes when it
/// is freed, and more than `kept_bytes` of free memory at the end of an arena go back: `M_MMAP_THRESHOLD`
/// and `M_TRIM_THRESHOLD`, mallopt(3). False where there is no such choice.
#[napi]
pub fn return_freed_memory(mapped_bytes: i32, kept_bytes: i32) -> bool {
    set(mapped_bytes, kept_bytes)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set(mapped_bytes: i32, kept_bytes: i32) -> bool {
    // SAFETY: takes numbers only, and refuses those that it cannot use.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, mapped_bytes) == 1
            && libc::mallopt(libc::M_TRIM_THRESHOLD, kept_bytes) == 1
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn set(_: i32, _: i32) -> bool {
    false
}
