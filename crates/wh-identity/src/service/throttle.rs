//! How often one may try, by account and by address, in bounded memory of this node. Counts tries, not people.
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use wh_base::{ErrorCode, Result, Timestamp};

use crate::codes;
use crate::model::Email;

/// Tries in a row on one account, then one each half minute: 2,890 guesses a day.
const ACCOUNT_RATE: Rate = Rate { burst: 10, refill_us: 30_000_000 };
/// Tries in a row from one address (IPv6: one /64), then one each six seconds: an office behind one address can sign in.
const ADDRESS_RATE: Rate = Rate { burst: 30, refill_us: 6_000_000 };
/// Wrong API keys in a row from one address, then one each six seconds. Right ones are not held up by them.
const BEARER_RATE: Rate = Rate { burst: 30, refill_us: 6_000_000 };
/// A clock that was set back by less is as if it had run on, in microseconds.
const CLOCK_STEP_MIN_US: i64 = 60_000_000;
/// Accounts and addresses that are remembered, each; beyond it those that wait least are forgotten.
const KEYS_MAX: usize = 50_000;

/// `burst` tries at once, then one per `refill_us`.
#[derive(Clone, Copy)]
struct Rate {
    burst: i64,
    refill_us: i64,
}

type AccountKey = [u8; 16];

/// The counters of this node.
pub(crate) struct Throttle {
    accounts: Mutex<Buckets<AccountKey>>,
    addresses: Mutex<Buckets<IpAddr>>,
    bearers: Mutex<Buckets<IpAddr>>,
}

/// One try that was let through; a try that turned out right is given back.
pub(crate) struct Try<'a> {
    throttle: &'a Throttle,
    account: Option<AccountKey>,
    address: Option<IpAddr>,
    bearer: Option<IpAddr>,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Mutex::new(Buckets::new(ACCOUNT_RATE)),
            addresses: Mutex::new(Buckets::new(ADDRESS_RATE)),
            bearers: Mutex::new(Buckets::new(BEARER_RATE)),
        }
    }

    /// Let one try through, or say when the next may come. Whether the account exists makes no difference.
    pub(crate) fn take(
        &self,
        now: Timestamp,
        account: Option<&Email>,
        address: Option<IpAddr>,
    ) -> Result<Try<'_>> {
        let account = account.map(account_key);
        let address = address.map(network);
        let mut attempt = Try { throttle: self, account: None, address: None, bearer: None };
        if let Some(key) = address {
            lock(&self.addresses).take(key, now).map_err(|wait_us| refused("address", wait_us))?;
            attempt.address = Some(key);
        }
        if let Some(key) = account {
            if let Err(wait_us) = lock(&self.accounts).take(key, now) {
                attempt.give_back();
                return Err(refused("account", wait_us));
            }
            attempt.account = Some(key);
        }
        Ok(attempt)
    }

    /// Let one API key be looked up that this node has not seen before.
    pub(crate) fn take_bearer(&self, now: Timestamp, address: Option<IpAddr>) -> Result<Try<'_>> {
        let bearer = address.map(network);
        if let Some(key) = bearer {
            lock(&self.bearers).take(key, now).map_err(|wait_us| {
                let seconds = waited("bearer", wait_us);
                let message = format!("try again in {seconds} seconds");
                wh_server::codes::BEARER_THROTTLED.error(message).retry_after(seconds)
            })?;
        }
        Ok(Try { throttle: self, account: None, address: None, bearer })
    }
}

impl Try<'_> {
    /// It was right, or was never made: it does not count.
    pub(crate) fn give_back(self) {
        if let Some(key) = self.address {
            lock(&self.throttle.addresses).give_back(key);
        }
        if let Some(key) = self.account {
            lock(&self.throttle.accounts).give_back(key);
        }
        if let Some(key) = self.bearer {
            lock(&self.throttle.bearers).give_back(key);
        }
    }

    /// Hand an answer on. The try counts where the answer is one of these, and not where it was right or nobody could tell: a
    /// database that is away must lock nobody out for afterwards.
    pub(crate) fn judge<T>(self, answer: Result<T>, wrong: &[&ErrorCode]) -> Result<T> {
        if !answer.as_ref().is_err_and(|error| wrong.iter().any(|code| error.is(code))) {
            self.give_back();
        }
        answer
    }
}

fn refused(by: &'static str, wait_us: i64) -> wh_base::Error {
    let seconds = waited(by, wait_us);
    codes::THROTTLED.error(format!("try again in {seconds} seconds")).retry_after(seconds)
}

/// Count the refusal; the seconds until the next try.
fn waited(by: &'static str, wait_us: i64) -> u32 {
    metrics::counter!("identity_throttled_total", "by" => by).increment(1);
    u32::try_from(wait_us / 1_000_000 + 1).unwrap_or(u32::MAX)
}

/// Not the address itself: a memory dump should not be a list of customers.
fn account_key(email: &Email) -> AccountKey {
    let digest = Sha256::digest(email.as_str().as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// One customer of a provider holds a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
        four @ IpAddr::V4(_) => four,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Per key only the moment at which it would be full again (GCRA).
struct Buckets<K> {
    rate: Rate,
    full_at: HashMap<K, i64>,
}

impl<K: Eq + Hash + Copy> Buckets<K> {
    fn new(rate: Rate) -> Self {
        Self { rate, full_at: HashMap::new() }
    }

    /// `Err` holds the microseconds until the next try.
    fn take(&mut self, key: K, now: Timestamp) -> std::result::Result<(), i64> {
        let now = now.micros();
        // No bucket is emptier than empty: a much later moment was told by a clock that was ahead, and locks nobody out. Tries that
        // overtake one another are a moment apart, and give nothing back.
        let empty = now + self.rate.burst * self.rate.refill_us;
        let full_at = self.full_at.get(&key).copied().filter(|full_at| *full_at <= empty + CLOCK_STEP_MIN_US);
        let full_at = full_at.unwrap_or(now).max(now) + self.rate.refill_us;
        let wait_us = full_at - now - self.rate.burst * self.rate.refill_us;
        if wait_us > 0 {
            return Err(wait_us);
        }
        if self.full_at.len() >= KEYS_MAX && !self.full_at.contains_key(&key) {
            self.forget(now);
        }
        self.full_at.insert(key, full_at);
        Ok(())
    }

    fn give_back(&mut self, key: K) {
        if let Some(full_at) = self.full_at.get_mut(&key) {
            *full_at -= self.rate.refill_us;
        }
    }

    /// Forget what is full again; if that is little, also the half that waits least.
    fn forget(&mut self, now: i64) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() > KEYS_MAX / 2 {
            let mut moments: Vec<i64> = self.full_at.values().copied().collect();
            let middle = moments.len() / 2;
            let (_, median, _) = moments.select_nth_unstable(middle);
            let median = *median;
            self.full_at.retain(|_, full_at| *full_at > median);
        }
    }
}
