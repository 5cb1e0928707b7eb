//! How often each of very many has come, in a table that never grows: one number per key, the time at which its quota is whole
//! again (the generic cell rate algorithm). Whoever asks brings the time.
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Parts of the table with a lock each.
const SHARDS: usize = 64;
/// Sets of a shard.
const SETS: usize = 128;
/// Keys of a set. A new key takes the place of the one that is nearest to a whole quota: it loses the least, and who has used
/// up a quota stays the longest.
const WAYS: usize = 8;

/// So many keys at most are remembered.
pub const KEYS_MAX: usize = SHARDS * SETS * WAYS;
/// Bytes that a table takes, however many keys come.
pub const BYTES: usize = KEYS_MAX * size_of::<Cell>();

/// So many requests in so much time; as many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub requests: u64,
    /// The window.
    pub window: Duration,
}

impl Quota {
    fn window_ns(self) -> u64 {
        nanoseconds(self.window)
    }

    /// What one request costs.
    fn step_ns(self) -> u64 {
        (self.window_ns() / self.requests.max(1)).max(1)
    }
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests that may come at once.
    pub remaining: u64,
    /// Seconds until the quota is whole again; until the next request may come, when there is none left.
    pub reset_s: u64,
}

/// The answer for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is counted.
    Within(Standing),
    /// It is not counted.
    Beyond(Standing),
}

#[derive(Clone, Copy, Default)]
struct Cell {
    /// A hash of the key; 0 where there is none.
    tag: u64,
    /// When the quota is whole again, in nanoseconds of the caller's clock.
    whole_at: u64,
}

/// Where a key is looked for, and what it is known by there.
struct Address {
    shard: usize,
    set: usize,
    tag: u64,
}

type Shard = Box<[[Cell; WAYS]]>;

/// The table.
pub struct Cells {
    quota: Quota,
    /// With a secret of this process: nobody can choose keys that meet in one set.
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

impl Cells {
    /// An empty one, as large as it will ever be.
    pub fn new(quota: Quota) -> Self {
        let shard = || Mutex::new(vec![[Cell::default(); WAYS]; SETS].into_boxed_slice());
        Self { quota, hasher: RandomState::new(), shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    /// Its quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Count one request of this key at `now`, which is measured from any fixed point.
    pub fn take(&self, key: impl Hash, now: Duration) -> Verdict {
        self.take_of(self.quota, key, now)
    }

    /// The same, with a quota of the key's own. It may change from one request to the next; what was used stays used.
    pub fn take_of(&self, quota: Quota, key: impl Hash, now: Duration) -> Verdict {
        let Address { shard, set, tag } = self.address(key);
        let now = nanoseconds(now);
        let (step, window) = (quota.step_ns(), quota.window_ns());
        let mut shard = self.shard(shard);
        let set = &mut shard[set];
        let mut place = 0;
        for (at, cell) in set.iter().enumerate() {
            if cell.tag == tag {
                place = at;
                break;
            }
            if cell.whole_at < set[place].whole_at {
                place = at;
            }
        }
        let cell = &mut set[place];
        let before = if cell.tag == tag { cell.whole_at.max(now) } else { now };
        let after = before.saturating_add(step);
        let used = after - now;
        if used > window {
            return Verdict::Beyond(Standing { remaining: 0, reset_s: seconds(used - window) });
        }
        *cell = Cell { tag, whole_at: after };
        Verdict::Within(Standing { remaining: (window - used) / step, reset_s: seconds(used) })
    }

    /// Take back one request that was counted with this quota, because it is refused for another reason.
    pub fn give_back(&self, quota: Quota, key: impl Hash, now: Duration) -> Standing {
        let Address { shard, set, tag } = self.address(key);
        let now = nanoseconds(now);
        let (step, window) = (quota.step_ns(), quota.window_ns());
        let mut used = 0;
        // Where others have its place by now there is nothing of it to be taken back.
        if let Some(cell) = self.shard(shard)[set].iter_mut().find(|cell| cell.tag == tag) {
            cell.whole_at = cell.whole_at.saturating_sub(step);
            used = cell.whole_at.saturating_sub(now);
        }
        Standing { remaining: window.saturating_sub(used) / step, reset_s: seconds(used) }
    }

    fn address(&self, key: impl Hash) -> Address {
        let hash = self.hasher.hash_one(key);
        // The lowest bits have chosen the shard already.
        Address { shard: hash as usize % SHARDS, set: (hash as usize / SHARDS) % SETS, tag: hash | 1 }
    }

    /// How many keys are remembered.
    pub fn keys(&self) -> usize {
        (0..SHARDS).map(|at| self.shard(at).iter().flatten().filter(|cell| cell.tag != 0).count()).sum()
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Begun seconds, at least one.
const fn seconds(nanoseconds: u64) -> u64 {
    let seconds = nanoseconds.div_ceil(1_000_000_000);
    if seconds == 0 { 1 } else { seconds }
}
