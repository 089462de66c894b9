//! Memory of JavaScript as the log uses it: raw pointers, never references.
//!
//! What makes this sound: the loader (src/log/native/) keeps every typed array it passes reachable
//! until the log has reported that it is done with it, typed arrays do not move, and the threads are
//! joined before the environment that owns the memory is torn down (`native_log.rs`). Other threads
//! may write to shared memory meanwhile; the log copies bytes out once and uses only the copy.

use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::{FromNapiValue, Result};
use napi::{Error, Status, sys};
use warrenmq_log::source::Areas;

/// Where a typed array's bytes lie.
#[derive(Clone, Copy)]
pub struct Memory {
    data: *mut u8,
    bytes: usize,
}

// SAFETY: a pointer and a length; the rules above say when other threads may use them.
unsafe impl Send for Memory {}
// SAFETY: as above; all access goes through raw copies.
unsafe impl Sync for Memory {}

impl Memory {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first `count` numbers of a Float64Array, `None` if it is shorter.
    pub fn numbers(&self, count: usize) -> Option<Vec<f64>> {
        let bytes = count.checked_mul(8).filter(|&bytes| bytes <= self.bytes)?;
        let mut numbers = vec![0f64; count];
        // SAFETY: `bytes` lie in both; a fresh vector overlaps nothing; any bits are a number.
        unsafe { ptr::copy_nonoverlapping(self.data, numbers.as_mut_ptr().cast(), bytes) };
        Some(numbers)
    }

    fn check(&self, offset: usize, bytes: usize) {
        let is_inside = offset.checked_add(bytes).is_some_and(|end| end <= self.bytes);
        assert!(is_inside, "{bytes} bytes at {offset} of a memory of {} bytes", self.bytes);
    }
}

impl FromNapiValue for Memory {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Memory> {
        let mut kind = 0;
        let mut length = 0;
        let mut data = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut offset = 0;
        // SAFETY: valid handles from napi, and places for what it fills in.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &mut kind,
                &mut length,
                &mut data,
                &mut buffer,
                &mut offset,
            )
        };
        let element_bytes = match kind {
            _ if status != sys::Status::napi_ok => 0,
            sys::TypedarrayType::uint8_array => 1,
            sys::TypedarrayType::int32_array => 4,
            sys::TypedarrayType::float64_array => 8,
            _ => 0,
        };
        if element_bytes == 0 {
            let text = "a Uint8Array, Int32Array or Float64Array was expected";
            return Err(Error::new(Status::InvalidArg, text.to_owned()));
        }
        Ok(Memory { data: data.cast(), bytes: length * element_bytes })
    }
}

/// Area 0: the first of `own`; 1 to n: the memories given at the opening; then the rest of `own`.
pub struct Memories {
    pub own: [Option<Memory>; 3],
    pub shared: Arc<Vec<Memory>>,
}

impl Memories {
    pub fn of(own: [Option<Memory>; 3], shared: &Arc<Vec<Memory>>) -> Memories {
        Memories { own, shared: shared.clone() }
    }

    fn get(&self, area: usize) -> Option<&Memory> {
        match area.checked_sub(1) {
            None => self.own[0].as_ref(),
            Some(index) if index < self.shared.len() => self.shared.get(index),
            Some(index) => self.own.get(index - self.shared.len() + 1)?.as_ref(),
        }
    }
}

impl Areas for Memories {
    fn area_bytes(&self, area: usize) -> usize {
        self.get(area).map_or(0, Memory::bytes)
    }

    fn copy_out(&self, area: usize, offset: usize, into: &mut [u8]) {
        let Some(memory) = self.get(area) else { panic!("no memory {area}") };
        memory.check(offset, into.len());
        // SAFETY: checked to lie inside; `into` is the log's own and overlaps no JavaScript memory.
        unsafe {
            ptr::copy_nonoverlapping(memory.data.add(offset), into.as_mut_ptr(), into.len());
        }
    }

    fn copy_in(&self, area: usize, offset: usize, from: &[u8]) {
        let Some(memory) = self.get(area) else { panic!("no memory {area}") };
        memory.check(offset, from.len());
        // SAFETY: as in `copy_out`.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), memory.data.add(offset), from.len()) };
    }
}
