//! The spares that the keeper has made and the writer takes. Behind a lock that both hold briefly.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Two segments begun in this time: the log is in a hurry for spares.
const HURRY_TIME: Duration = Duration::from_secs(1);

/// Spares that are ready, and whether more can be had.
#[derive(Default)]
pub struct Pool {
    pub(super) ready: VecDeque<u32>,
    pub(super) next_number: u32,
    pub(super) is_short: bool,
    pub(super) is_open: bool,
    /// When the last two were taken, the later one first.
    pub(super) taken: [Option<Instant>; 2],
    /// The writer waits for one.
    pub(super) is_awaited: bool,
}

impl Pool {
    pub fn take(&mut self) -> Option<u32> {
        let number = self.ready.pop_front()?;
        self.taken = [Some(Instant::now()), self.taken[0]];
        Some(number)
    }

    /// The log grows fast: what is written into spares beforehand is in the way of what is written
    /// into segments.
    pub fn is_hurried(&self) -> bool {
        let is_recent = |taken: Instant| taken.elapsed() < HURRY_TIME;
        self.is_awaited || self.taken[1].is_some_and(is_recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stocked() -> Pool {
        Pool { ready: (0..4).collect(), ..Pool::default() }
    }

    #[test]
    fn spares_are_taken_in_the_order_in_which_they_came() {
        let mut pool = stocked();
        assert_eq!([0; 5].map(|_| pool.take()), [Some(0), Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn one_segment_is_no_hurry_and_two_at_once_are() {
        let mut pool = stocked();
        assert!(!pool.is_hurried());
        pool.take();
        assert!(!pool.is_hurried());
        pool.take();
        assert!(pool.is_hurried());
    }

    #[test]
    fn a_hurry_ends() {
        let mut pool = stocked();
        let early = Instant::now().checked_sub(HURRY_TIME);
        pool.taken = [early, early];
        assert!(!pool.is_hurried());
        pool.take();
        assert!(!pool.is_hurried());
    }

    #[test]
    fn none_taken_of_an_empty_pool_is_no_hurry_until_somebody_waits() {
        let mut pool = Pool::default();
        assert_eq!([pool.take(), pool.take()], [None, None]);
        assert!(!pool.is_hurried());
        pool.is_awaited = true;
        assert!(pool.is_hurried());
    }
}
