//! The keeper thread: makes spares ahead of need, recycles segments, writes checkpoints. Slow work
//! that commits and reads must not wait for.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Answer, Keeping, Shared, lock};
use crate::checkpoint::write_checkpoint;
use crate::disk::describe;
use crate::segment::segment_name;
use crate::source::Areas;
use crate::spares::{Pace, make_spare, recycle};

/// Recycled segments come several at a time: keeping only as many as are made ahead would mean
/// unlinking some and writing new ones from end to end a moment later.
const RECYCLED_KEPT_FACTOR: usize = 3;

/// How long to wait before trying again to make a spare on a full disk.
const RETRY_TIME: Duration = Duration::from_millis(500);

enum Next<A> {
    Work(Keeping<A>),
    Spare,
}

pub fn run<A: Areas>(shared: &Shared<A>) {
    let mut retry_at = None;
    while let Some(next) = next(shared, retry_at) {
        match next {
            Next::Work(Keeping::Recycle(segment)) => recycle_segment(shared, segment),
            Next::Work(Keeping::Checkpoint { request, areas, part }) => {
                let written = match shared.identity.get() {
                    Some(&identity) if !shared.options.is_read_only => {
                        let epoch = shared.epoch.load(Ordering::SeqCst) as u32;
                        write_checkpoint(&*shared.disk, identity, epoch, &areas, part)
                    }
                    _ => Err(io::Error::other("a checkpoint came before the log had begun")),
                };
                drop(areas);
                let written = written.map_err(|error| describe("writing a", "checkpoint", &error));
                shared.answer(request, written.map(|_| Answer::Done));
            }
            Next::Spare => retry_at = add_spare(shared),
        }
    }
}

fn spares_wanted<A>(shared: &Shared<A>) -> usize {
    shared.options.spare_segments.max(1)
}

fn next<A>(shared: &Shared<A>, retry_at: Option<Instant>) -> Option<Next<A>> {
    let mut work = lock(&shared.keeping.state);
    loop {
        if shared.is_abandoned() {
            return None;
        }
        if let Some(next) = work.items.pop_front() {
            return Some(Next::Work(next));
        }
        let is_closing = shared.is_closing();
        // The writer may still need a segment for what was submitted before.
        if is_closing && shared.is_writer_done.load(Ordering::SeqCst) {
            return None;
        }
        let is_wanted = {
            let pool = lock(&shared.pool);
            let wanted = if is_closing { 1 } else { spares_wanted(shared) };
            pool.is_open && pool.ready.len() < wanted
        };
        work = match retry_at.map(|at| at.saturating_duration_since(Instant::now())) {
            _ if !is_wanted => shared.keeping.sleep(work, None),
            Some(left) if !left.is_zero() => shared.keeping.sleep(work, Some(left)),
            _ => return Some(Next::Spare),
        };
    }
}

fn pace<A>(shared: &Shared<A>) -> Pace {
    if shared.is_abandoned() {
        return Pace::Stop;
    }
    if lock(&shared.pool).is_hurried() { Pace::HandOver } else { Pace::Fill }
}

/// Makes one spare. Returns when to try again if that failed.
fn add_spare<A>(shared: &Shared<A>) -> Option<Instant> {
    let Some(identity) = shared.identity.get() else { return Some(Instant::now() + RETRY_TIME) };
    let number = {
        let mut pool = lock(&shared.pool);
        pool.next_number += 1;
        pool.next_number - 1
    };
    let made = match has_room(shared, identity.segment_bytes) {
        true => make_spare(&*shared.disk, number, identity.segment_bytes, &|| pace(shared)),
        false => Err(io::Error::from(io::ErrorKind::StorageFull)),
    };
    match made {
        Ok(true) => {
            put_in_pool(shared, number);
            None
        }
        Ok(false) => None,
        Err(_) => {
            let was_short = std::mem::replace(&mut lock(&shared.pool).is_short, true);
            shared.pool_wake.notify_all();
            if !was_short && !shared.is_abandoned() {
                shared.listener.space(true);
            }
            Some(Instant::now() + RETRY_TIME)
        }
    }
}

/// Whether a spare would leave the reserve: checkpoints need room, and the next start its segment.
fn has_room<A>(shared: &Shared<A>, segment_bytes: u32) -> bool {
    let reserve = shared.options.reserve_bytes;
    if reserve == 0 || lock(&shared.pool).taken[0].is_none() {
        return true;
    }
    // A disk that does not say is tried.
    let free = shared.disk.free_bytes().unwrap_or(u64::MAX);
    free >= reserve.saturating_add(u64::from(segment_bytes))
}

fn put_in_pool<A>(shared: &Shared<A>, number: u32) {
    let mut pool = lock(&shared.pool);
    pool.ready.push_back(number);
    let is_enough = pool.ready.len() >= spares_wanted(shared);
    let is_relieved = is_enough && std::mem::replace(&mut pool.is_short, false);
    drop(pool);
    shared.pool_wake.notify_all();
    if is_relieved && !shared.is_abandoned() {
        shared.listener.space(false);
    }
}

fn recycle_segment<A>(shared: &Shared<A>, segment: u64) {
    if shared.options.is_read_only || shared.has_failed() {
        return;
    }
    let spare = {
        let mut pool = lock(&shared.pool);
        let kept_max = spares_wanted(shared) * RECYCLED_KEPT_FACTOR;
        let is_wanted = pool.is_open && pool.ready.len() < kept_max;
        is_wanted.then(|| {
            pool.next_number += 1;
            pool.next_number - 1
        })
    };
    match (recycle(&*shared.disk, segment, spare), spare) {
        (Ok(()), Some(number)) => put_in_pool(shared, number),
        (Ok(()), None) => shared.keeping.nudge(),
        (Err(error), _) => {
            let name = segment_name(segment);
            shared.fail(describe("recycling", &name, &error).to_string());
        }
    }
}
