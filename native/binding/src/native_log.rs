//! The class `NativeLog`: one per open log, used by the thread that made it.
//!
//! Ends in one of two ways: the loader closes it and then calls `release`, or the environment is
//! torn down (a worker is terminated at any moment) and the cleanup hook ends the log's threads
//! before anything of the environment goes.

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::{FromNapiValue, Result};
use napi::{Env, Error, Status, sys};
use napi_derive::napi;
use warrenmq_log::disk::{Disk, RealDisk};
use warrenmq_log::engine::{Batch, Engine, Options, Pack, Read};
use warrenmq_log::fault_disk::{FaultDisk, Faults};
use warrenmq_log::reader::{Place, READ_HEAD_BYTES, Row};
use warrenmq_log::source::Part;

use crate::memory::{Memories, Memory};
use crate::port::Port;

const PART_COLUMNS: usize = 3;
const READ_COLUMNS: usize = 6;
const PACK_COLUMNS: usize = 3;

fn refuse(text: String) -> Error {
    Error::new(Status::InvalidArg, text)
}

/// A JavaScript value as it is.
pub struct Value(sys::napi_value);

impl FromNapiValue for Value {
    unsafe fn from_napi_value(_: sys::napi_env, value: sys::napi_value) -> Result<Value> {
        Ok(Value(value))
    }
}

/// An offset, count or position: a whole number that is not negative.
fn whole(number: f64) -> Result<usize> {
    let value = number as usize;
    if value as f64 == number {
        return Ok(value);
    }
    Err(refuse(format!("a whole number was expected, {number} came")))
}

#[napi(object)]
pub struct Inventory {
    pub store_id: String,
    pub segment_bytes: u32,
    pub segments: Vec<f64>,
    pub checkpoints: Vec<f64>,
    pub epoch: u32,
}

#[napi(object)]
pub struct Stats {
    pub batches: f64,
    pub syncs: f64,
    pub bytes_written: f64,
    pub sync_micros: f64,
    pub reads: f64,
    pub spare_segments: f64,
}

struct Inner {
    engine: Engine<Memories>,
    port: Arc<Port>,
    is_released: AtomicBool,
}

/// The environment goes: the threads first.
unsafe extern "C" fn clean_up(inner: *mut c_void) {
    // SAFETY: the count that `NativeLog::open` gave away; removing the hook gives it back otherwise.
    let inner = unsafe { Arc::from_raw(inner.cast::<Inner>()) };
    inner.is_released.store(true, Ordering::SeqCst);
    inner.engine.abandon();
}

#[napi]
pub struct NativeLog {
    inner: Arc<Inner>,
    memories: Arc<Vec<Memory>>,
}

#[napi]
impl NativeLog {
    #[napi(constructor)]
    #[allow(clippy::too_many_arguments)] // Called in one place, which has them by name.
    pub fn open(
        env: Env,
        directory: String,
        segment_bytes: u32,
        spare_segments: u32,
        reserve_bytes: f64,
        is_read_only: bool,
        faults: String,
        memories: Vec<Memory>,
        callback: Value,
    ) -> Result<NativeLog> {
        let real = Arc::new(RealDisk::new(PathBuf::from(&directory)));
        let disk: Arc<dyn Disk> = if faults.is_empty() {
            real
        } else {
            let faults = Faults::parse(&faults).map_err(refuse)?;
            let disk = FaultDisk::new(real, faults);
            Arc::new(disk.map_err(|error| refuse(format!("{directory}: {error}")))?)
        };
        let options = Options {
            segment_bytes,
            spare_segments: spare_segments as usize,
            reserve_bytes: reserve_bytes as u64,
            is_read_only,
        };
        let port = Port::open(env.raw(), callback.0)?;
        let engine = Engine::open(disk, options, port.clone()).map_err(|error| {
            port.release();
            refuse(format!("the log's threads cannot start: {error}"))
        })?;
        let inner = Arc::new(Inner { engine, port, is_released: AtomicBool::new(false) });
        let hook = Arc::into_raw(inner.clone()).cast_mut().cast::<c_void>();
        // SAFETY: `clean_up` or `release` takes the count back. Registered behind the thread-safe
        // function's own hook, so it runs before that.
        unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(clean_up), hook) };
        Ok(NativeLog { inner, memories: Arc::new(memories) })
    }

    #[napi(catch_unwind)]
    pub fn inventory(&self) -> Result<Inventory> {
        let found = self.inner.engine.inventory();
        let found = found.map_err(|error| Error::new(Status::GenericFailure, error.to_string()))?;
        let numbers = |numbers: &[u64]| numbers.iter().map(|&number| number as f64).collect();
        let id = found.store_id.iter().flatten();
        Ok(Inventory {
            store_id: id.map(|byte| format!("{byte:02x}")).collect(),
            segment_bytes: found.segment_bytes,
            segments: numbers(&found.segments),
            checkpoints: numbers(&found.checkpoints),
            epoch: found.epoch,
        })
    }

    #[napi]
    pub fn scan(&self, env: Env, request: u32, segment: f64) -> Result<()> {
        let number = whole(segment)? as u64;
        self.inner.port.await_call(env.raw());
        self.inner.engine.scan_segment(request, number);
        Ok(())
    }

    #[napi]
    pub fn scan_checkpoint(&self, env: Env, request: u32, checkpoint: f64) -> Result<()> {
        let number = whole(checkpoint)? as u64;
        self.inner.port.await_call(env.raw());
        self.inner.engine.scan_checkpoint(request, number);
        Ok(())
    }

    #[napi]
    pub fn begin(&self, env: Env, request: u32, previous_end: f64) -> Result<()> {
        let previous_end = whole(previous_end)?;
        self.inner.port.await_call(env.raw());
        self.inner.engine.begin(request, previous_end);
        Ok(())
    }

    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // One by one they cost less than as an object.
    pub fn submit(
        &self,
        env: Env,
        number: f64,
        bytes: Memory,
        parts: Memory,
        part_count: f64,
        first_position: f64,
        end_position: f64,
        sync: bool,
    ) -> Result<()> {
        let areas = Memories::of([Some(bytes), None, None], &self.memories);
        let batch = Batch {
            number: whole(number)? as u64,
            parts: self.parts(&areas, &parts, whole(part_count)?, 0)?,
            areas,
            first_position: whole(first_position)? as u64,
            end_position: whole(end_position)? as u64,
            sync,
        };
        self.inner.port.await_batch(env.raw(), batch.number);
        self.inner.engine.submit(batch);
        Ok(())
    }

    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // As above.
    pub fn read(
        &self,
        env: Env,
        number: f64,
        count: f64,
        rows: Memory,
        parts: Memory,
        target: Memory,
        status: Memory,
    ) -> Result<()> {
        let areas = Memories::of([Some(target), Some(status), None], &self.memories);
        let count = whole(count)?;
        let numbers = numbers_of(&rows, count, READ_COLUMNS, "rows")?;
        let mut part_total = 0;
        let mut places = Vec::with_capacity(count);
        for row in numbers.chunks_exact(READ_COLUMNS) {
            let row = Row {
                place: place_of(row)?,
                at: whole(row[3])?,
                first_part: whole(row[4])?,
                part_count: whole(row[5])?,
            };
            let end = row.at.saturating_add(READ_HEAD_BYTES);
            if end > target.bytes() {
                return Err(refuse(format!("a head at {} ends behind the target", row.at)));
            }
            if row.part_count > 0 {
                part_total = part_total.max(row.first_part.saturating_add(row.part_count));
            }
            places.push(row);
        }
        if status.bytes() / 4 < count {
            return Err(refuse("the status array is too short".to_owned()));
        }
        let parts = self.parts(&areas, &parts, part_total, 1)?;
        let status_area = self.memories.len() + 1;
        let number = whole(number)? as u64;
        self.inner.port.await_call(env.raw());
        self.inner.engine.read(Read { number, areas, rows: places, parts, status_area });
        Ok(())
    }

    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // As above.
    pub fn pack(
        &self,
        env: Env,
        number: f64,
        count: f64,
        rows: Memory,
        target: Memory,
        results: Memory,
        used_bytes: Memory,
    ) -> Result<()> {
        let count = whole(count)?;
        let numbers = numbers_of(&rows, count, PACK_COLUMNS, "rows")?;
        let places: Result<Vec<Place>> = numbers.chunks_exact(PACK_COLUMNS).map(place_of).collect();
        if results.bytes() / 12 < count || used_bytes.bytes() < 4 {
            return Err(refuse("an array for a pack's results is too short".to_owned()));
        }
        let number = whole(number)? as u64;
        let places = places?;
        self.inner.port.await_call(env.raw());
        self.inner.engine.pack(Pack {
            number,
            areas: Memories::of([Some(target), Some(results), Some(used_bytes)], &self.memories),
            places,
            results_area: self.memories.len() + 1,
            used_area: self.memories.len() + 2,
        });
        Ok(())
    }

    #[napi]
    pub fn recycle(&self, segment: f64) -> Result<()> {
        self.inner.engine.recycle(whole(segment)? as u64);
        Ok(())
    }

    #[napi]
    pub fn write_checkpoint(&self, env: Env, request: u32, records: Memory) -> Result<()> {
        let areas = Memories::of([Some(records), None, None], &self.memories);
        let part = Part { area: 0, offset: 0, bytes: records.bytes() };
        self.inner.port.await_call(env.raw());
        self.inner.engine.write_checkpoint(request, areas, part);
        Ok(())
    }

    #[napi]
    pub fn stats(&self) -> Stats {
        let stats = self.inner.engine.stats();
        Stats {
            batches: stats.batches as f64,
            syncs: stats.syncs as f64,
            bytes_written: stats.bytes_written as f64,
            sync_micros: stats.sync_micros as f64,
            reads: stats.reads as f64,
            spare_segments: stats.spare_segments as f64,
        }
    }

    #[napi]
    pub fn close(&self, env: Env, request: u32) {
        self.inner.port.await_call(env.raw());
        self.inner.engine.close(request);
    }

    /// After the answer to `close`: nothing is left of the log but this object.
    #[napi]
    pub fn release(&self, env: Env) {
        if self.inner.is_released.swap(true, Ordering::SeqCst) {
            return;
        }
        self.inner.engine.join();
        let hook = Arc::as_ptr(&self.inner).cast_mut().cast::<c_void>();
        // SAFETY: the hook that `open` registered, and the count that it was given.
        unsafe {
            sys::napi_remove_env_cleanup_hook(env.raw(), Some(clean_up), hook);
            drop(Arc::from_raw(hook.cast::<Inner>()));
        }
        self.inner.port.release();
    }

    /// Parts from a Float64Array, each checked to lie within its memory.
    fn parts(
        &self,
        areas: &Memories,
        parts: &Memory,
        count: usize,
        area_min: usize,
    ) -> Result<Vec<Part>> {
        use warrenmq_log::source::Areas;
        let numbers = numbers_of(parts, count, PART_COLUMNS, "parts")?;
        let part = |part: &[f64]| -> Result<Part> {
            let part =
                Part { area: whole(part[0])?, offset: whole(part[1])?, bytes: whole(part[2])? };
            let end = part.offset.saturating_add(part.bytes);
            let is_known = (area_min..=self.memories.len()).contains(&part.area);
            if is_known && end <= areas.area_bytes(part.area) {
                return Ok(part);
            }
            let Part { area, offset, bytes } = part;
            Err(refuse(format!("{bytes} bytes at {offset} do not lie within memory {area}")))
        };
        numbers.chunks_exact(PART_COLUMNS).map(part).collect()
    }
}

fn numbers_of(memory: &Memory, count: usize, columns: usize, what: &str) -> Result<Vec<f64>> {
    let numbers = count.checked_mul(columns).and_then(|count| memory.numbers(count));
    numbers.ok_or_else(|| refuse(format!("the array of {what} is too short for {count}")))
}

/// The first three columns of a read's and a pack's rows.
fn place_of(row: &[f64]) -> Result<Place> {
    let inner = if row[1] < 0.0 { None } else { Some(whole(row[1])?) };
    Ok(Place { position: whole(row[0])? as u64, inner, data_bytes: whole(row[2])? })
}
