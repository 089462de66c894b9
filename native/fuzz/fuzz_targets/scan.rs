//! Any bytes as a segment. The first byte chooses what is known about its end and how much of it is
//! repaired: with valid checksums the fuzzer gets past them, to what stands in the records.
//!
//! `cargo +nightly fuzz run --features libfuzzer scan`, or as a plain program with files as
//! arguments: `cargo run --manifest-path native/fuzz/Cargo.toml --bin scan -- FILE...`
#![cfg_attr(feature = "libfuzzer", no_main)]

use std::sync::atomic::AtomicBool;

use warrenmq_log::record::{Head, Salt};
use warrenmq_log::scan::{Tail, scan};
use warrenmq_log::segment::HEADERS_BYTES;

const BASE: u64 = 1 << 20;

fn look(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    let salt = Salt::new(&[1; 16]);
    let mut bytes = bytes.to_vec();
    let mut at = HEADERS_BYTES;
    while how & 4 != 0 && at + 16 <= bytes.len() {
        let Some(head) = Head::read(&bytes[at..]) else { break };
        if at + head.bytes > bytes.len() {
            break;
        }
        salt.seal(&mut bytes[at..at + head.bytes], BASE + at as u64);
        at += head.bytes;
    }
    let tail = match how & 3 {
        0 => Tail::Newest,
        1 => Tail::Unknown,
        _ => Tail::Known(bytes.len() / 2),
    };
    let found = scan(&bytes, salt, BASE, tail, &AtomicBool::new(false));
    let found = found.expect("nobody stops it");
    assert!(found.end <= bytes.len().max(HEADERS_BYTES));
    assert!(found.corrupt.iter().all(|&(from, to)| from < to && to <= bytes.len()));
}

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|input: &[u8]| look(input));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::io::Result<()> {
    for file in std::env::args().skip(1) {
        look(&std::fs::read(file)?);
    }
    Ok(())
}
