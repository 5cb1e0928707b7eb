//! How many bytes of request bodies are in memory at the same time, in all and of one address. Most operations get their body
//! whole, and ask for their turn when it is there: what counts turns does not see who only sends. Counts bytes as they arrive.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use metrics::{Counter, Gauge};

use super::overload::{RETRY_AFTER_S_MAX, SHED};
use crate::config::ServerConfig;
use crate::serve::counted;

/// Bytes of request bodies that are held now.
pub(crate) const HELD: &str = "http_body_held_bytes";

/// One address holds at most one part in so many of what all may hold.
const SHARES: u64 = 4;
/// So many of the largest bodies that the configuration allows would fill it at least. With what is counted for their pieces, six have room
/// in any case, one of each address.
const BODIES_MIN: u64 = 2 * SHARES;
/// What a piece of a body takes beside its bytes. A body in pieces of one byte takes many times its length.
const PIECE_BYTES: u64 = 64;
/// A shorter piece is copied: as it comes it keeps the buffer of the connection in memory that it was read into.
const COPIED_BYTES_MAX: usize = 4_096;

/// The bytes of all bodies.
pub(crate) struct Bodies {
    all_max: u64,
    address_max: u64,
    state: Mutex<State>,
    refused: AtomicU32,
    held: Gauge,
    shed: Counter,
}

#[derive(Default)]
struct State {
    all: u64,
    by_address: HashMap<IpAddr, u64>,
}

/// There is no room for more of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowded {
    /// When to come again.
    pub(crate) retry_after_s: u32,
}

impl Bodies {
    /// As the configuration says.
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let all_max = config.body_held_bytes_max.max(config.body_bytes_max.saturating_mul(BODIES_MIN));
        Self {
            all_max,
            address_max: all_max / SHARES,
            state: Mutex::default(),
            refused: AtomicU32::new(0),
            held: metrics::gauge!(HELD),
            // It is one room for the operations of all classes.
            shed: metrics::counter!(SHED, "class" => "all", "reason" => "bodies"),
        }
    }

    /// A request with a body came from there.
    pub(crate) fn of(self: &Arc<Self>, address: IpAddr) -> Arc<Held> {
        Arc::new(Held {
            bodies: self.clone(),
            address: counted(address),
            bytes: AtomicU64::new(0),
            passes_on: AtomicBool::new(false),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody holds more than is left for all others. So however many hold as much as they can, who comes with a short body
    /// finds room.
    fn take(&self, address: IpAddr, bytes: u64) -> Result<(), Crowded> {
        {
            let mut state = self.state();
            let all = state.all.saturating_add(bytes);
            let before = state.by_address.get(&address).copied().unwrap_or_default();
            let own = before.saturating_add(bytes);
            if own <= self.address_max.min(self.all_max.saturating_sub(all)) {
                state.all = all;
                state.by_address.insert(address, own);
                self.held.increment(bytes as f64);
                return Ok(());
            }
        }
        self.shed.increment(1);
        let retry_after_s = 1 + self.refused.fetch_add(1, Ordering::Relaxed) % RETRY_AFTER_S_MAX;
        Err(Crowded { retry_after_s })
    }

    fn give_back(&self, address: IpAddr, bytes: u64) {
        self.held.decrement(bytes as f64);
        let mut state = self.state();
        state.all = state.all.saturating_sub(bytes);
        if let Some(own) = state.by_address.get_mut(&address) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                state.by_address.remove(&address);
            }
        }
    }
}

/// What is held of one request's body. A request extension: it counts until nobody has the request any more, whether it was
/// answered, given up by its client, or goes on without one.
pub(crate) struct Held {
    bodies: Arc<Bodies>,
    address: IpAddr,
    bytes: AtomicU64,
    passes_on: AtomicBool,
}

impl Held {
    /// Nothing of this body is held: its operation takes it as it comes.
    pub(crate) fn pass_on(&self) {
        self.passes_on.store(true, Ordering::Relaxed);
    }

    /// The next piece, as it may be kept.
    pub(crate) fn hold(&self, piece: Bytes) -> Result<Bytes, Crowded> {
        if piece.is_empty() || self.passes_on.load(Ordering::Relaxed) {
            return Ok(piece);
        }
        let bytes = PIECE_BYTES + piece.len() as u64;
        self.bodies.take(self.address, bytes)?;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(if piece.len() < COPIED_BYTES_MAX { Bytes::copy_from_slice(&piece) } else { piece })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        if bytes > 0 {
            self.bodies.give_back(self.address, bytes);
        }
    }
}
