//! How many operations should run at the same time, learned from how long they take. Pure: whoever asks brings the time.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So much longer than usual may operations take before fewer of them run at the same time.
const SLOWER_MAX: f64 = 3.0;
/// Operations that take less than this on average are never too slow.
const SLOW_NS_MIN: u64 = 25_000_000;
/// Answers are judged together, so many at least ...
const SAMPLES_MIN: u32 = 8;
/// ... and over so long at least.
const WINDOW: Duration = Duration::from_millis(100);
/// What is left of the limit when operations have become too slow.
const DECREASE: f64 = 0.9;
/// By which part of itself the limit grows when all places were taken and operations were still quick.
const INCREASE: f64 = 1.0 / 16.0;
/// With the fewest places operations are as quick as they can be. What is slower than usual even then is not so for want of
/// places: this part of the difference is learned in each window ...
const FLOOR_UP: f64 = 1.0 / 512.0;
/// ... and this part of it forgotten in each window that is quicker than what was learned ...
const FLOOR_DOWN: f64 = 1.0 / 64.0;
/// ... and a window that was slower by more than this says no more than this: one answer that hung is not the machine.
const FLOOR_SLOWER_MAX: f64 = 64.0;
/// With so many places a server begins.
const LIMIT_FIRST: u32 = 64;
/// A shorter time than usual counts for a quarter, so that a cold start is soon forgotten.
const LEARN_DOWN: u64 = 4;
/// A longer time than usual counts for little, and only when nothing else ran: a server that has too much to do must not
/// learn that this is usual.
const LEARN_UP: u64 = 16;

/// Whether others ran beside an operation when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// It had the machine for itself.
    Alone,
    /// It had to share.
    Others,
}

/// How long one operation usually takes while the server has time for it.
#[derive(Debug, Default)]
pub struct Pace(AtomicU64);

impl Pace {
    /// Take note of one answer; returns the usual time in nanoseconds. Two answers at once may lose one of them.
    pub fn learn(&self, took_ns: u64, company: Company) -> u64 {
        let usual = self.0.load(Ordering::Relaxed);
        let learned = if usual == 0 {
            took_ns.max(1)
        } else if took_ns < usual {
            usual - (usual - took_ns) / LEARN_DOWN
        } else if company == Company::Alone {
            usual + (took_ns - usual) / LEARN_UP
        } else {
            return usual;
        };
        self.0.store(learned, Ordering::Relaxed);
        learned
    }
}

/// How many may run at the same time: less while they are slower than usual, more while they are quick and more are wanted.
#[derive(Debug)]
pub struct Limit {
    places: f64,
    min: u32,
    max: u32,
    began: Instant,
    samples: u32,
    took_ns: u64,
    usual_ns: u64,
    was_full: bool,
    /// How many times as long as usual operations take with the fewest places. An operation that takes one millisecond or a hundred,
    /// depending on what it is asked, is never "as quick as usual", however few run.
    floor: f64,
}

impl Limit {
    /// Between these bounds.
    pub fn new(min: u32, max: u32, now: Instant) -> Self {
        let max = max.max(min);
        let places = f64::from(LIMIT_FIRST.clamp(min, max));
        Self {
            places,
            min,
            max,
            began: now,
            samples: 0,
            took_ns: 0,
            usual_ns: 0,
            was_full: false,
            floor: 1.0,
        }
    }

    /// Places as a whole number.
    pub fn places(&self) -> u32 {
        self.places as u32
    }

    /// Somebody found all places taken.
    pub fn full(&mut self) {
        self.was_full = true;
    }

    /// One operation ended; `usual_ns` is its own usual time.
    pub fn took(&mut self, took_ns: u64, usual_ns: u64, now: Instant) {
        self.samples += 1;
        self.took_ns = self.took_ns.saturating_add(took_ns);
        self.usual_ns = self.usual_ns.saturating_add(usual_ns);
        if self.samples < SAMPLES_MIN || now.duration_since(self.began) < WINDOW {
            return;
        }
        let average_ns = self.took_ns / u64::from(self.samples);
        let slower = self.took_ns as f64 / self.usual_ns.max(1) as f64;
        if average_ns > SLOW_NS_MIN && slower > self.floor * SLOWER_MAX {
            self.places = (self.places * DECREASE).max(f64::from(self.min));
        } else if self.was_full {
            self.places = (self.places * (1.0 + INCREASE) + 1.0).min(f64::from(self.max));
        }
        self.learn(slower.min(FLOOR_SLOWER_MAX));
        (self.began, self.samples, self.took_ns, self.usual_ns, self.was_full) = (now, 0, 0, 0, false);
    }

    /// Slowly: fewer places must have had their time to help, and a short misfortune is none of the operations' nature.
    fn learn(&mut self, slower: f64) {
        if slower < self.floor {
            self.floor = (self.floor - (self.floor - slower) * FLOOR_DOWN).max(1.0);
        } else if self.places() <= self.min {
            self.floor += (slower - self.floor) * FLOOR_UP;
        }
    }
}
