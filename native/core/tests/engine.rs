//! The threads, over a disk in memory: group commit, waiting for space, failing, ending.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use warrenmq_log::disk::Disk;
use warrenmq_log::engine::{Answer, Batch, Engine, Listener, Options, Read};
use warrenmq_log::fault_disk::{FaultDisk, Faults};
use warrenmq_log::memory_disk::MemoryDisk;
use warrenmq_log::reader::{Place, Row};
use warrenmq_log::record::{ACK, Head, PUBLISH, put_u32};
use warrenmq_log::source::{Areas, OwnAreas, Part};

const SEGMENT_BYTES: u32 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
enum Event {
    Progress(u64, u64),
    Read(u64),
    Space(bool),
    Failed(String),
    Answer(u32, Result<Answer, String>),
}

struct Ears(Mutex<Sender<Event>>);

impl Ears {
    fn hear(&self, event: Event) {
        // A test that has ended does not listen any more.
        let _ = self.0.lock().unwrap().send(event);
    }
}

impl Listener for Ears {
    fn progress(&self, written: u64, synced: u64) {
        self.hear(Event::Progress(written, synced));
    }
    fn read_done(&self, number: u64) {
        self.hear(Event::Read(number));
    }
    fn packed(&self, _: u64) {}
    fn space(&self, is_short: bool) {
        self.hear(Event::Space(is_short));
    }
    fn failed(&self, reason: String) {
        self.hear(Event::Failed(reason));
    }
    fn answer(&self, request: u32, answer: Result<Answer, String>) {
        self.hear(Event::Answer(request, answer));
    }
}

struct Log<A: Areas + 'static> {
    engine: Engine<A>,
    events: Receiver<Event>,
    position: u64,
    batches: u64,
}

impl<A: Areas> Log<A> {
    fn open(disk: Arc<dyn Disk>) -> Log<A> {
        let (sender, events) = channel();
        let options = Options {
            segment_bytes: SEGMENT_BYTES,
            spare_segments: 1,
            reserve_bytes: 0,
            is_read_only: false,
        };
        let ears = Arc::new(Ears(Mutex::new(sender)));
        let engine = Engine::open(disk, options, ears).unwrap();
        Log { engine, events, position: 0, batches: 0 }
    }

    fn begin(&mut self) -> &mut Self {
        self.engine.begin(1, 0);
        self.position = loop {
            match self.next() {
                Event::Answer(1, Ok(Answer::Begun(position))) => break position,
                Event::Space(_) => {}
                other => panic!("{other:?}"),
            }
        };
        self
    }

    fn next(&self) -> Event {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    fn until(&self, mut is_it: impl FnMut(&Event) -> bool) -> Event {
        loop {
            let event = self.next();
            if is_it(&event) {
                return event;
            }
        }
    }

    fn submit(&mut self, areas: A, bytes: usize, sync: bool) {
        self.batches += 1;
        let first_position = self.position;
        self.position += bytes as u64;
        self.engine.submit(Batch {
            number: self.batches,
            areas,
            parts: vec![Part { area: 0, offset: 0, bytes }],
            first_position,
            end_position: self.position,
            sync,
        });
    }
}

fn acks(count: usize) -> Vec<u8> {
    let mut record = vec![0; 32];
    Head { bytes: 32, kind: ACK, flags: 0, count: 1 }.write(&mut record);
    record.repeat(count)
}

fn memory() -> Arc<MemoryDisk> {
    Arc::new(MemoryDisk::default())
}

#[test]
fn a_batch_that_nobody_waits_for_is_synced_all_the_same() {
    let mut log = Log::open(memory());
    log.begin();
    log.submit(OwnAreas::new(vec![acks(3)]), 96, false);
    assert!(matches!(log.next(), Event::Progress(1, 0 | 1)));
    log.until(|event| matches!(event, Event::Progress(1, 1)));
    log.engine.close(2);
    log.until(|event| matches!(event, Event::Answer(2, Ok(Answer::Done))));
    assert_eq!(log.engine.stats().syncs, 1);
}

#[test]
fn a_failed_sync_is_told_once_and_ends_all_progress() {
    let faults = Faults { sync_error: Some(2), ..Faults::default() };
    let disk = FaultDisk::new(memory(), faults).unwrap();
    let mut log = Log::open(Arc::new(disk));
    log.begin();
    log.submit(OwnAreas::new(vec![acks(1)]), 32, true);
    let failed = log.next();
    assert!(matches!(&failed, Event::Failed(reason) if reason.contains("EIO")), "{failed:?}");
    log.submit(OwnAreas::new(vec![acks(1)]), 32, true);
    log.engine.close(2);
    assert!(matches!(log.next(), Event::Answer(2, Ok(Answer::Done))));
}

#[test]
fn a_full_disk_is_waited_for() {
    let faults = Faults { write_full: Some(2 << 20), ..Faults::default() };
    let mut log = Log::open(Arc::new(FaultDisk::new(memory(), faults).unwrap()));
    log.begin();
    let most = (SEGMENT_BYTES as usize - 128) / 32;
    log.submit(OwnAreas::new(vec![acks(most)]), most * 32, true);
    log.until(|event| matches!(event, Event::Progress(1, 1)));
    // Into the second segment, and with that the last room is taken.
    log.position += 128;
    log.submit(OwnAreas::new(vec![acks(most)]), most * 32, true);
    log.until(|event| matches!(event, Event::Space(true)));
    log.position += 128;
    log.submit(OwnAreas::new(vec![acks(1)]), 32, true);
    log.engine.recycle(1);
    let mut left = vec!["space", "progress"];
    log.until(|event| {
        match event {
            Event::Space(false) => left.retain(|each| *each != "space"),
            Event::Progress(3, 3) => left.retain(|each| *each != "progress"),
            _ => {}
        }
        left.is_empty()
    });
}

#[test]
fn a_read_waits_for_what_was_submitted_before() {
    let mut log = Log::open(memory());
    log.begin();
    let mut record = vec![7; 40];
    Head { bytes: 40, kind: PUBLISH, flags: 1, count: 0 }.write(&mut record);
    for (at, value) in [(16, 0), (20, 0), (24, 8), (28, 0)] {
        put_u32(&mut record, at, value);
    }
    let place = Place { position: log.position, inner: None, data_bytes: 8 };
    log.submit(OwnAreas::new(vec![record]), 40, false);
    let areas = OwnAreas::new(vec![vec![0; 24], vec![9; 4]]);
    let row = Row { place, at: 0, first_part: 0, part_count: 0 };
    let read = Read { number: 5, areas, rows: vec![row], parts: vec![], status_area: 1 };
    log.engine.read(read);
    assert!(matches!(log.until(|event| matches!(event, Event::Read(_))), Event::Read(5)));
}

/// Memory that panics as one that was handed over with wrong lengths would.
struct Treacherous;

impl Areas for Treacherous {
    fn area_bytes(&self, _: usize) -> usize {
        0
    }
    fn copy_out(&self, _: usize, _: usize, _: &mut [u8]) {
        panic!("outside");
    }
    fn copy_in(&self, _: usize, _: usize, _: &[u8]) {
        panic!("outside");
    }
}

#[test]
fn a_panic_is_a_failure_and_closing_still_ends() {
    let mut log = Log::open(memory());
    log.begin();
    log.submit(Treacherous, 32, true);
    let failed = log.next();
    assert!(matches!(&failed, Event::Failed(reason) if reason.contains("outside")), "{failed:?}");
    log.engine.close(2);
    log.until(|event| matches!(event, Event::Answer(2, Ok(Answer::Done))));
}

static WAS_TOUCHED_LATE: AtomicBool = AtomicBool::new(false);

/// Memory that is gone once the log was abandoned.
struct Fleeting(Arc<AtomicBool>);

impl Areas for Fleeting {
    fn area_bytes(&self, _: usize) -> usize {
        1 << 20
    }
    fn copy_out(&self, _: usize, offset: usize, into: &mut [u8]) {
        WAS_TOUCHED_LATE.fetch_or(self.0.load(Ordering::SeqCst), Ordering::SeqCst);
        let bytes = acks(1);
        for (at, byte) in into.iter_mut().enumerate() {
            *byte = bytes[(offset + at) % 32];
        }
    }
    fn copy_in(&self, _: usize, _: usize, _: &[u8]) {}
}

#[test]
fn nothing_is_touched_after_the_log_was_abandoned() {
    for _ in 0..20 {
        let is_gone = Arc::new(AtomicBool::new(false));
        let mut log = Log::open(memory());
        log.begin();
        for _ in 0..100 {
            log.submit(Fleeting(is_gone.clone()), 320, false);
        }
        log.engine.abandon();
        is_gone.store(true, Ordering::SeqCst);
        log.submit(Fleeting(is_gone.clone()), 320, false);
    }
    assert!(!WAS_TOUCHED_LATE.load(Ordering::SeqCst));
}
