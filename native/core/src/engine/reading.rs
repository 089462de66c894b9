//! The reader thread: scans before the log begins, reads and packs while it works. It never waits
//! behind a sync; it waits for the writer only when asked for records that are not in the file yet.

use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{Answer, Pack, Read, Reading, Shared, lock};
use crate::directory::Scanner;
use crate::pack::{Packed, pack};
use crate::reader::{Place, Reader, STATUS_CORRUPT};
use crate::scan::Scan;
use crate::source::Areas;

pub fn run<A: Areas>(shared: &Shared<A>) {
    let mut reader = None;
    let mut scanner = None;
    while let Some(work) = next(shared) {
        match work {
            Reading::Read(work) => {
                // Reads come when the scans are over: their memory is not needed any more.
                scanner = None;
                do_read(shared, reader_of(shared, &mut reader), &work);
                if !shared.is_abandoned() {
                    shared.counters.reads.fetch_add(1, Ordering::Relaxed);
                    shared.listener.read_done(work.number);
                }
            }
            Reading::Pack(work) => {
                do_pack(shared, reader_of(shared, &mut reader), &work);
                if !shared.is_abandoned() {
                    shared.listener.packed(work.number);
                }
            }
            Reading::Segment { request, number } => {
                let found = scanner_of(shared, &mut scanner)
                    .and_then(|scanner| scanner.segment(number, &shared.is_abandoned));
                answer_scan(shared, request, found);
            }
            Reading::Checkpoint { request, number } => {
                let found = scanner_of(shared, &mut scanner)
                    .and_then(|scanner| scanner.checkpoint(number, &shared.is_abandoned));
                answer_scan(shared, request, found);
            }
            Reading::Forget(segment) => {
                if let Some(reader) = reader.as_mut() {
                    reader.forget(segment);
                }
            }
        }
    }
}

fn next<A>(shared: &Shared<A>) -> Option<Reading<A>> {
    let mut work = lock(&shared.reading.state);
    loop {
        if shared.is_abandoned() {
            return None;
        }
        if let Some(next) = work.items.pop_front() {
            return Some(next);
        }
        if shared.is_closing() {
            return None;
        }
        work = shared.reading.sleep(work, None);
    }
}

/// Kept from scan to scan, because it keeps its memory.
fn scanner_of<'a, A>(
    shared: &Shared<A>,
    scanner: &'a mut Option<Scanner>,
) -> io::Result<&'a mut Scanner> {
    let inventory = shared.inventory()?;
    let made = || Scanner::new(shared.disk.clone(), inventory.clone(), shared.options.is_read_only);
    Ok(scanner.get_or_insert_with(made))
}

fn answer_scan<A>(shared: &Shared<A>, request: u32, found: io::Result<Option<Scan>>) {
    if let Some(answer) = found.transpose() {
        shared.answer(request, answer.map(Answer::Scanned));
    }
}

/// The reader, once it is known whose log this is.
fn reader_of<'a, A>(shared: &Shared<A>, reader: &'a mut Option<Reader>) -> Option<&'a mut Reader> {
    if reader.is_none()
        && let Some(identity) = shared.identity.get()
    {
        *reader = Some(Reader::new(shared.disk.clone(), *identity));
    }
    let reader = reader.as_mut()?;
    reader.refresh();
    Some(reader)
}

/// Waits until the records of these messages are in the file, if they ever will be.
fn wait_for_writer<A>(shared: &Shared<A>, places: impl Iterator<Item = Place>) {
    let last = places
        .map(|place| place.position + place.inner.map_or(place.data_bytes as u64, |_| 0))
        .max()
        .unwrap_or(0);
    if last >= shared.submitted_position.load(Ordering::SeqCst) {
        return;
    }
    let mut written = lock(&shared.written_position);
    while *written <= last && !shared.has_failed() && !shared.is_writer_done.load(Ordering::SeqCst)
    {
        if shared.is_abandoned() {
            return;
        }
        let woken = shared.written_wake.wait(written);
        written = woken.unwrap_or_else(PoisonError::into_inner);
    }
}

fn store(areas: &dyn Areas, area: usize, words: &[i32]) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    areas.copy_in(area, 0, &bytes);
}

fn do_read<A: Areas>(shared: &Shared<A>, reader: Option<&mut Reader>, work: &Read<A>) {
    wait_for_writer(shared, work.rows.iter().map(|row| row.place));
    let mut status = vec![STATUS_CORRUPT; work.rows.len()];
    if let Some(reader) = reader {
        for (index, row) in work.rows.iter().enumerate() {
            if shared.is_abandoned() {
                return;
            }
            let reach = reader.reach_of(work.rows[index..].iter().map(|row| row.place));
            status[index] = reader.read(row, &work.parts, &work.areas, reach);
        }
    }
    store(&work.areas, work.status_area, &status);
}

fn do_pack<A: Areas>(shared: &Shared<A>, reader: Option<&mut Reader>, work: &Pack<A>) {
    wait_for_writer(shared, work.places.iter().copied());
    let (results, used): (Vec<Packed>, usize) = match reader {
        Some(reader) => pack(reader, &work.places, &work.areas),
        None => (vec![[STATUS_CORRUPT, -1, -1]; work.places.len()], 0),
    };
    store(&work.areas, work.results_area, results.as_flattened());
    store(&work.areas, work.used_area, &[used as i32]);
}
