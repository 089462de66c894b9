//! The writer thread: group commit.
//!
//! Takes all batches that wait, writes them, syncs once if any of them asks for it, then reports.
//! The next group forms meanwhile. The only timer: unsynced bytes are synced after 100 ms.

use std::collections::VecDeque;
use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Answer, Batch, Shared, Writing, lock};
use crate::segment::SEGMENT_BYTES_MAX;
use crate::source::Areas;
use crate::spares::adopt_spares;
use crate::writer::{Identity, Records, SpareSource, Writer};

/// What the format allows; simulations use smaller ones, without threads.
const SEGMENT_BYTES_LEAST: u32 = 1024 * 1024;
const UNSYNCED_TIME_MAX: Duration = Duration::from_millis(100);

struct PoolSpares<'a, A> {
    shared: &'a Shared<A>,
    /// Whether to wait while the disk is full: recycling, or whoever makes room on it, ends that.
    is_patient: bool,
}

impl<A> SpareSource for PoolSpares<'_, A> {
    fn take_spare(&mut self) -> io::Result<String> {
        let shared = self.shared;
        let mut pool = lock(&shared.pool);
        loop {
            pool.is_awaited = false;
            if let Some(number) = pool.take() {
                drop(pool);
                shared.keeping.nudge();
                return Ok(crate::spares::spare_name(number));
            }
            let is_hopeless = pool.is_short && (shared.is_closing() || !self.is_patient);
            if shared.is_abandoned() || shared.has_failed() || is_hopeless {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "no space left on the disk for another segment",
                ));
            }
            pool.is_awaited = true;
            pool = shared.pool_wake.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Progress so far, in numbers of batches.
struct State {
    writer: Writer,
    written: u64,
    synced: u64,
    unsynced_since: Option<Instant>,
}

pub fn run<A: Areas>(shared: &Shared<A>) {
    let mut state = None;
    let mut group = VecDeque::new();
    while next_group(shared, &mut state, &mut group) {
        let end = match group.front() {
            Some(Writing::Begin { .. }) => begin_log(shared, &mut state, &mut group),
            _ => work(shared, &mut state, &mut group),
        };
        if let Err(error) = end {
            shared.fail(error.to_string());
        }
    }
    if let Some(state) = state.as_mut()
        && !shared.has_failed()
        && !shared.is_abandoned()
        && let Err(error) = sync(shared, state)
    {
        shared.fail(error.to_string());
    }
    shared.is_writer_done.store(true, Ordering::SeqCst);
    shared.nudge_all();
}

/// Waits for work and takes all of it. False when there will be none.
fn next_group<A>(
    shared: &Shared<A>,
    state: &mut Option<State>,
    group: &mut VecDeque<Writing<A>>,
) -> bool {
    let mut work = lock(&shared.writing.state);
    loop {
        if shared.is_abandoned() {
            return false;
        }
        if !work.items.is_empty() {
            std::mem::swap(&mut work.items, group);
            return true;
        }
        if shared.is_closing() {
            return false;
        }
        let unsynced_since = match state {
            Some(state) if !shared.has_failed() => state.unsynced_since,
            _ => None,
        };
        let left = unsynced_since.map(|since| UNSYNCED_TIME_MAX.saturating_sub(since.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            // An empty group: only the sync is due.
            return true;
        }
        work = shared.writing.sleep(work, left);
    }
}

fn begin_log<A>(
    shared: &Shared<A>,
    state: &mut Option<State>,
    group: &mut VecDeque<Writing<A>>,
) -> io::Result<()> {
    let Some(Writing::Begin { request, previous_end }) = group.pop_front() else { return Ok(()) };
    if state.is_some() {
        shared.answer(request, Err(io::Error::other("the log has begun already")));
    } else {
        match begin(shared, previous_end) {
            Ok(writer) => {
                let position = writer.position();
                shared.submitted_position.store(position, Ordering::SeqCst);
                *lock(&shared.written_position) = position;
                *state = Some(State { writer, written: 0, synced: 0, unsynced_since: None });
                shared.answer(request, Ok(Answer::Begun(position)));
            }
            Err(error) => shared.answer(request, Err(error)),
        }
    }
    // What came with it is the next group.
    let mut work = lock(&shared.writing.state);
    while let Some(item) = group.pop_back() {
        work.items.push_front(item);
    }
    Ok(())
}

fn begin<A>(shared: &Shared<A>, previous_end: usize) -> io::Result<Writer> {
    if shared.options.is_read_only {
        return Err(io::Error::other("a log that was opened to look at cannot be written to"));
    }
    let disk = &*shared.disk;
    let inventory = shared.inventory()?;
    let wanted = shared.options.segment_bytes;
    let is_possible =
        wanted.is_power_of_two() && (SEGMENT_BYTES_LEAST..=SEGMENT_BYTES_MAX).contains(&wanted);
    if shared.identity.get().is_none() && !is_possible {
        let text = format!("segmentBytes is {wanted}, not a power of two from 1 MiB to 256 MiB");
        return Err(io::Error::other(text));
    }
    disk.create_directory()?;
    // A process that died may have left names that are not durable yet.
    disk.sync_directory()?;
    let identity = match shared.identity.get() {
        Some(identity) => *identity,
        None => Identity::random(wanted)?,
    };
    let ready = adopt_spares(disk, identity.segment_bytes)?;
    {
        let mut pool = lock(&shared.pool);
        pool.next_number = ready.last().map_or(0, |last| last + 1);
        pool.ready = ready.into();
        pool.is_open = true;
    }
    shared.epoch.store(u64::from(inventory.epoch) + 1, Ordering::SeqCst);
    let identity = *shared.identity.get_or_init(|| identity);
    shared.keeping.nudge();
    // Nobody recycles yet: a log that cannot begin says so.
    let spares = &mut PoolSpares { shared, is_patient: false };
    Writer::begin(shared.disk.clone(), identity, inventory, previous_end, spares)
}

fn work<A: Areas>(
    shared: &Shared<A>,
    state: &mut Option<State>,
    group: &mut VecDeque<Writing<A>>,
) -> io::Result<()> {
    if shared.has_failed() {
        group.clear();
        return Ok(());
    }
    let Some(state) = state.as_mut() else {
        group.clear();
        return Err(io::Error::other("a batch came before the log had begun"));
    };
    let mut is_sync_due = group.is_empty();
    for item in group.drain(..) {
        let Writing::Batch(batch) = item else {
            return Err(io::Error::other("the log was begun twice"));
        };
        if shared.is_abandoned() {
            return Ok(());
        }
        append(shared, &mut state.writer, &batch)?;
        state.written = batch.number;
        is_sync_due |= batch.sync;
        shared.counters.batches.fetch_add(1, Ordering::Relaxed);
    }
    state.writer.flush()?;
    let total = state.writer.bytes_written();
    shared.counters.bytes_written.store(total, Ordering::Relaxed);
    *lock(&shared.written_position) = state.writer.position();
    shared.written_wake.notify_all();
    let is_old = state.unsynced_since.is_some_and(|since| since.elapsed() >= UNSYNCED_TIME_MAX);
    if is_sync_due || is_old {
        return sync(shared, state);
    }
    if !state.writer.is_dirty() {
        state.synced = state.written;
    } else if state.unsynced_since.is_none() {
        state.unsynced_since = Some(Instant::now());
    }
    shared.listener.progress(state.written, state.synced);
    Ok(())
}

fn append<A: Areas>(shared: &Shared<A>, writer: &mut Writer, batch: &Batch<A>) -> io::Result<()> {
    let records = Records {
        areas: &batch.areas,
        parts: &batch.parts,
        first_position: batch.first_position,
        end_position: batch.end_position,
    };
    writer.append(&records, &mut PoolSpares { shared, is_patient: true })
}

fn sync<A>(shared: &Shared<A>, state: &mut State) -> io::Result<()> {
    let start = Instant::now();
    state.writer.sync()?;
    let micros = start.elapsed().as_micros() as u64;
    shared.counters.sync_micros.fetch_add(micros, Ordering::Relaxed);
    shared.counters.syncs.store(state.writer.syncs(), Ordering::Relaxed);
    state.unsynced_since = None;
    if state.synced != state.written || state.written == 0 {
        state.synced = state.written;
    }
    shared.listener.progress(state.written, state.synced);
    Ok(())
}
