//! Runs a transaction again when the database asks for it, for those who do so outside a request of the front door.
use std::future::Future;

use wh_base::Result;

use crate::codes;

/// How often a transaction starts over before its caller is told.
const REPLAYS_MAX: u32 = 3;

/// All of a transaction, from `begin` to `commit`; run again, at most three times, while the database asks for it.
pub async fn replayed<T, F: Future<Output = Result<T>>>(mut once: impl FnMut() -> F) -> Result<T> {
    for _ in 0..REPLAYS_MAX {
        match once().await {
            Err(error) if codes::asks_for_replay(&error) => {}
            outcome => return outcome,
        }
    }
    once().await
}
