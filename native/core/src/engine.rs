//! A log at work: its threads and what goes between them and its user.
//!
//! Three threads, so that nobody waits behind somebody else's disk access: the writer (batches and
//! their syncs, in order), the reader (reads, packs, scans) and the keeper (spares, recycling,
//! checkpoints). The user calls from one thread and hears through `Listener`, on the log's threads.
//! After `abandon` returned, no memory of the user is touched any more.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::directory::Inventory;
use crate::disk::Disk;
use crate::reader::{Place, Row};
use crate::scan::Scan;
use crate::source::{Areas, Part};
use crate::writer::Identity;

mod keeper;
mod pool;
mod reading;
mod writing;

use pool::Pool;

/// What the user of a log hears. Called on the log's threads, which wait meanwhile.
pub trait Listener: Send + Sync {
    /// Batches up to these numbers are written, and synced.
    fn progress(&self, written: u64, synced: u64);
    fn read_done(&self, number: u64);
    fn packed(&self, number: u64);
    fn space(&self, is_short: bool);
    /// Nothing more is written or reported after this.
    fn failed(&self, reason: String);
    fn answer(&self, request: u32, answer: Result<Answer, String>);
}

#[derive(Debug)]
pub enum Answer {
    Begun(u64),
    Scanned(Scan),
    Done,
}

pub struct Batch<A> {
    pub number: u64,
    pub areas: A,
    pub parts: Vec<Part>,
    pub first_position: u64,
    pub end_position: u64,
    pub sync: bool,
}

/// The statuses go to `status_area` as 32-bit numbers.
pub struct Read<A> {
    pub number: u64,
    pub areas: A,
    pub rows: Vec<Row>,
    pub parts: Vec<Part>,
    pub status_area: usize,
}

/// The results go to two areas, the number of bytes used to the second.
pub struct Pack<A> {
    pub number: u64,
    pub areas: A,
    pub places: Vec<Place>,
    pub results_area: usize,
    pub used_area: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub batches: u64,
    pub syncs: u64,
    pub bytes_written: u64,
    pub sync_micros: u64,
    pub reads: u64,
    pub spare_segments: u64,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// For a new log; one that exists keeps its own.
    pub segment_bytes: u32,
    pub spare_segments: usize,
    /// No spare is made that leaves less than this free on the disk, but for the first segment.
    pub reserve_bytes: u64,
    pub is_read_only: bool,
}

enum Writing<A> {
    Begin { request: u32, previous_end: usize },
    Batch(Batch<A>),
}

enum Reading<A> {
    Read(Read<A>),
    Pack(Pack<A>),
    Segment { request: u32, number: u64 },
    Checkpoint { request: u32, number: u64 },
    Forget(u64),
}

enum Keeping<A> {
    Recycle(u64),
    Checkpoint { request: u32, areas: A, part: Part },
}

/// Work for one thread, and the ways to wait for it.
struct Queue<T> {
    state: Mutex<Work<T>>,
    wake: Condvar,
}

struct Work<T> {
    items: VecDeque<T>,
    /// Its thread sleeps. Waking costs a system call, which a busy thread does not need.
    is_asleep: bool,
}

/// Panics are caught where the threads begin, and no invariant spans a critical section here: a
/// poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Queue<T> {
    fn new() -> Queue<T> {
        let work = Work { items: VecDeque::new(), is_asleep: false };
        Queue { state: Mutex::new(work), wake: Condvar::new() }
    }

    fn push(&self, item: T) {
        let mut work = lock(&self.state);
        work.items.push_back(item);
        let is_asleep = std::mem::replace(&mut work.is_asleep, false);
        drop(work);
        if is_asleep {
            self.wake.notify_one();
        }
    }

    /// For a thread that has looked at a flag under the lock: it will see the change.
    fn nudge(&self) {
        lock(&self.state).is_asleep = false;
        self.wake.notify_one();
    }

    /// Sleeps until there is something to look at, or for some time.
    fn sleep<'a>(
        &self,
        mut work: MutexGuard<'a, Work<T>>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Work<T>> {
        work.is_asleep = true;
        let mut work = match time {
            None => self.wake.wait(work).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                self.wake.wait_timeout(work, time).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        work.is_asleep = false;
        work
    }
}

#[derive(Default)]
struct Counters {
    batches: AtomicU64,
    syncs: AtomicU64,
    bytes_written: AtomicU64,
    sync_micros: AtomicU64,
    reads: AtomicU64,
}

struct Shared<A> {
    disk: Arc<dyn Disk>,
    options: Options,
    listener: Arc<dyn Listener>,
    inventory: OnceLock<Inventory>,
    identity: OnceLock<Identity>,
    epoch: AtomicU64,
    writing: Queue<Writing<A>>,
    reading: Queue<Reading<A>>,
    keeping: Queue<Keeping<A>>,
    pool: Mutex<Pool>,
    /// A spare is ready, or none will be.
    pool_wake: Condvar,
    /// Up to where records can be read; readers wait for it.
    written_position: Mutex<u64>,
    written_wake: Condvar,
    submitted_position: AtomicU64,
    counters: Counters,
    is_failed: AtomicBool,
    is_closing: AtomicBool,
    is_writer_done: AtomicBool,
    is_abandoned: AtomicBool,
    running: AtomicUsize,
    close_request: Mutex<Option<u32>>,
}

impl<A> Shared<A> {
    fn fail(&self, reason: String) {
        let is_first = !self.is_failed.swap(true, Ordering::SeqCst);
        self.nudge_all();
        if is_first && !self.is_abandoned.load(Ordering::SeqCst) {
            self.listener.failed(reason);
        }
    }

    fn has_failed(&self) -> bool {
        self.is_failed.load(Ordering::SeqCst)
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::SeqCst)
    }

    fn answer(&self, request: u32, answer: io::Result<Answer>) {
        if !self.is_abandoned() {
            self.listener.answer(request, answer.map_err(|error| error.to_string()));
        }
    }

    fn nudge_all(&self) {
        self.writing.nudge();
        self.reading.nudge();
        self.keeping.nudge();
        drop(lock(&self.pool));
        self.pool_wake.notify_all();
        drop(lock(&self.written_position));
        self.written_wake.notify_all();
    }

    fn inventory(&self) -> io::Result<&Inventory> {
        if let Some(inventory) = self.inventory.get() {
            return Ok(inventory);
        }
        let inventory = crate::directory::take_inventory(&*self.disk)?;
        if let Some(identity) = Identity::of(&inventory) {
            let _ = self.identity.set(identity);
        }
        Ok(self.inventory.get_or_init(|| inventory))
    }
}

/// What a thread does until the log closes.
type Body<A> = fn(&Shared<A>);

pub struct Engine<A: Areas + 'static> {
    shared: Arc<Shared<A>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<A: Areas + 'static> Engine<A> {
    /// Starts the threads; nothing is read or written yet.
    pub fn open(
        disk: Arc<dyn Disk>,
        options: Options,
        listener: Arc<dyn Listener>,
    ) -> io::Result<Engine<A>> {
        let shared = Arc::new(Shared {
            disk,
            options,
            listener,
            inventory: OnceLock::new(),
            identity: OnceLock::new(),
            epoch: AtomicU64::new(0),
            writing: Queue::new(),
            reading: Queue::new(),
            keeping: Queue::new(),
            pool: Mutex::new(Pool::default()),
            pool_wake: Condvar::new(),
            written_position: Mutex::new(0),
            written_wake: Condvar::new(),
            submitted_position: AtomicU64::new(0),
            counters: Counters::default(),
            is_failed: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            is_writer_done: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            close_request: Mutex::new(None),
        });
        let engine = Engine { shared, threads: Mutex::new(vec![]) };
        let works: [(&str, Body<A>); 3] = [
            ("log-writer", writing::run::<A>),
            ("log-reader", reading::run::<A>),
            ("log-keeper", keeper::run::<A>),
        ];
        // All counted before the first one can end.
        engine.shared.running.store(works.len(), Ordering::SeqCst);
        for (name, work) in works {
            if let Err(error) = engine.start(name, work) {
                engine.abandon();
                return Err(error);
            }
        }
        Ok(engine)
    }

    fn start(&self, name: &str, work: Body<A>) -> io::Result<()> {
        let shared = self.shared.clone();
        let body = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(&shared))) {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied());
                shared.fail(format!("a thread of the log panicked: {}", text.unwrap_or("?")));
                shared.is_writer_done.store(true, Ordering::SeqCst);
                shared.nudge_all();
            }
            let is_last = shared.running.fetch_sub(1, Ordering::SeqCst) == 1;
            if is_last && let Some(request) = lock(&shared.close_request).take() {
                shared.answer(request, Ok(Answer::Done));
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body)?;
        lock(&self.threads).push(thread);
        Ok(())
    }

    /// For a log that does not exist yet with the segment size that it would have.
    pub fn inventory(&self) -> io::Result<Inventory> {
        let mut inventory = self.shared.inventory()?.clone();
        if inventory.store_id.is_none() {
            inventory.segment_bytes = self.shared.options.segment_bytes;
        }
        Ok(inventory)
    }

    pub fn begin(&self, request: u32, previous_end: usize) {
        self.shared.writing.push(Writing::Begin { request, previous_end });
    }

    pub fn submit(&self, batch: Batch<A>) {
        self.shared.submitted_position.store(batch.end_position, Ordering::SeqCst);
        self.shared.writing.push(Writing::Batch(batch));
    }

    pub fn read(&self, read: Read<A>) {
        self.shared.reading.push(Reading::Read(read));
    }

    pub fn pack(&self, pack: Pack<A>) {
        self.shared.reading.push(Reading::Pack(pack));
    }

    pub fn scan_segment(&self, request: u32, number: u64) {
        self.shared.reading.push(Reading::Segment { request, number });
    }

    pub fn scan_checkpoint(&self, request: u32, number: u64) {
        self.shared.reading.push(Reading::Checkpoint { request, number });
    }

    pub fn recycle(&self, segment: u64) {
        self.shared.reading.push(Reading::Forget(segment));
        self.shared.keeping.push(Keeping::Recycle(segment));
    }

    /// `part` is all of the encoded records.
    pub fn write_checkpoint(&self, request: u32, areas: A, part: Part) {
        self.shared.keeping.push(Keeping::Checkpoint { request, areas, part });
    }

    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            batches: value(&counters.batches),
            syncs: value(&counters.syncs),
            bytes_written: value(&counters.bytes_written),
            sync_micros: value(&counters.sync_micros),
            reads: value(&counters.reads),
            spare_segments: lock(&self.shared.pool).ready.len() as u64,
        }
    }

    /// Finishes what was asked for; the answer comes when the last thread ends.
    pub fn close(&self, request: u32) {
        *lock(&self.shared.close_request) = Some(request);
        self.shared.is_closing.store(true, Ordering::SeqCst);
        self.shared.nudge_all();
        let is_over = self.shared.running.load(Ordering::SeqCst) == 0;
        if is_over && let Some(request) = lock(&self.shared.close_request).take() {
            self.shared.answer(request, Ok(Answer::Done));
        }
    }

    /// Ends the threads as soon as possible and waits for them. What was submitted and not yet
    /// written is dropped.
    pub fn abandon(&self) {
        self.shared.is_abandoned.store(true, Ordering::SeqCst);
        self.shared.is_closing.store(true, Ordering::SeqCst);
        self.shared.nudge_all();
        self.join();
    }

    /// After the answer to `close`: the threads are at their end.
    pub fn join(&self) {
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            // A panic has been reported where it was caught.
            let _ = thread.join();
        }
    }
}

impl<A: Areas + 'static> Drop for Engine<A> {
    fn drop(&mut self) {
        self.abandon();
    }
}
