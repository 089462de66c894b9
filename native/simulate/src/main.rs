//! `cargo run --release -p warrenmq-log-simulate --bin simulate -- --seeds 200000 [--from SEED]`
//!
//! Exit code 1 and the seed when a promise was broken: `--from SEED --seeds 1` shows it again.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use warrenmq_log_simulate::{Tally, simulate};

fn argument(name: &str, otherwise: u64) -> Result<u64, String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    if arguments.next().is_none() {
        return Ok(otherwise);
    }
    let value = arguments.next().and_then(|value| value.parse().ok());
    value.ok_or_else(|| format!("{name} needs a number"))
}

fn main() -> ExitCode {
    let (seeds, from) = match (argument("--seeds", 10_000), argument("--from", 0)) {
        (Ok(seeds), Ok(from)) => (seeds, from),
        (Err(text), _) | (_, Err(text)) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let next = AtomicU64::new(from);
    let total = Mutex::new(Tally::default());
    let failures = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        break;
                    }
                    match std::panic::catch_unwind(|| simulate(seed)) {
                        Ok(Ok(tally)) => own.add(&tally),
                        Ok(Err(text)) => {
                            println!("seed {seed}: {text}");
                            failures.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => {
                            println!("seed {seed}: panic");
                            failures.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                if let Ok(mut total) = total.lock() {
                    total.add(&own);
                }
            });
        }
    });
    let failures = failures.into_inner();
    println!("{:?}", total.into_inner().unwrap_or_default());
    println!("{seeds} seeds in {:.1} s, {failures} broken", start.elapsed().as_secs_f64());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
