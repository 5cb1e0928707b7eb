//! Randomness and ids from an injected source, so that a test can repeat them. Secrets only ever come from `OsRandom`.
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::{Clock, Error, codes};

/// A source of random bytes.
pub trait Random: Send + Sync {
    /// Fill the buffer. Fails only when the operating system has no randomness to give.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's generator: fit for secrets.
#[derive(Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes)
            .map_err(|e| codes::INTERNAL.caused("the operating system gave no randomness", e))
    }
}

/// For tests: repeats itself from a seed (SplitMix64). Never for secrets of a running server.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// A source that gives the same bytes for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Makes UUIDv7 ids from the clock and the random source: they rise with time, so new rows land side by side.
#[derive(Clone)]
pub struct IdSource {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl IdSource {
    /// Ids from these inputs.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }

    /// A new id of the wanted type.
    pub fn next<T: From<Uuid>>(&self) -> T {
        let mut random = [0_u8; 10];
        if self.random.fill(&mut random).is_err() {
            // Without randomness the ids would collide across nodes: stop the request, not the data.
            no_randomness();
        }
        let millis = u64::try_from(self.clock.now().micros() / 1000).unwrap_or(0);
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

/// A panic that the front door turns into a problem; kept apart so that `next` stays infallible for its callers.
fn no_randomness() -> ! {
    std::panic::panic_any("the operating system gave no randomness")
}
