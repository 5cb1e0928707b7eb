//! What the check of a password costs, by the parameters of the hashes that are kept: a stranger's takes as long as a member's, also
//! while some hashes are of yesterday's parameters. Hashes nothing.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use wh_base::{Result, Secret, Timestamp};

use super::Identity;
use super::passwords::Verdict;
use crate::model::Email;
use crate::store;

/// Counted anew after so long, in microseconds: other nodes renew hashes too.
const COUNTED_EVERY_US: i64 = 3_600_000_000;
/// Tries to count while nothing changes; after them what was counted last is near enough.
const COUNTS_MAX: usize = 3;
/// Different parameters that are told apart; an operator changes them a few times in ten years.
const COSTS_MAX: usize = 16;
const KEY_BYTES: usize = 32;

/// Parameters of Argon2id, as the start of the hashes that were made with them: `$argon2id$v=19$m=47104,t=1,p=1$`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost(String);

impl Cost {
    /// Of what is made with one lane.
    pub(super) fn now(memory_kib: u32, passes: u32) -> Self {
        Self(format!("$argon2id$v=19$m={memory_kib},t={passes},p=1$"))
    }

    /// Of a hash that is kept.
    pub(super) fn of(stored: &str) -> Option<Self> {
        let (end, _) = stored.match_indices('$').nth(3)?;
        Some(Self(stored[..=end].to_owned()))
    }

    /// What stands before salt and hash.
    pub(super) fn start(&self) -> &str {
        &self.0
    }

    /// Behind all hashes of this cost in the order of their bytes: `%` is what follows the `$` at its end.
    fn end(&self) -> String {
        format!("{}%", self.0.trim_end_matches('$'))
    }
}

/// How many accounts have which cost, and the key that says which of them a stranger is like.
#[derive(Clone)]
pub(super) struct Counted {
    at: Timestamp,
    key: Vec<u8>,
    accounts: BTreeMap<Cost, i64>,
}

impl Counted {
    /// The cost for somebody without an account: each with the share of accounts that have it, always the same for an address. When
    /// hashes are renewed, only addresses of the old cost go over to the new one, as accounts do (weighted rendezvous hashing).
    fn of_stranger(&self, email: &Email, today: &Cost) -> Cost {
        let had = self.accounts.iter().filter(|(_, accounts)| **accounts > 0);
        let waits = had.map(|(cost, accounts)| (cost, -self.draw(email, cost).ln() / *accounts as f64));
        let first = waits.min_by(|(_, one), (_, other)| one.total_cmp(other));
        first.map_or_else(|| today.clone(), |(cost, _)| cost.clone())
    }

    /// Above 0 and at most 1, evenly.
    fn draw(&self, email: &Email, cost: &Cost) -> f64 {
        let text =
            Sha256::new().chain_update(&self.key).chain_update(cost.start()).chain_update(email.as_str());
        let mut eight = [0; 8];
        eight.copy_from_slice(&text.finalize()[..8]);
        // As many bits as a double holds.
        ((u64::from_be_bytes(eight) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// What this node knows of it.
#[derive(Default)]
pub(crate) struct Costs {
    /// Held by whoever counts; the others wait for what they find.
    counting: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    counted: Option<Counted>,
    /// Hashes that were made or renewed here.
    moves: u64,
}

impl Costs {
    /// A password is kept by a hash of another cost, or for the first time.
    pub(super) fn moved(&self, before: Option<Cost>, after: Option<Cost>) {
        let mut known = self.lock();
        known.moves += 1;
        let Some(counted) = &mut known.counted else { return };
        for (cost, step) in [(before, -1), (after, 1)] {
            if let Some(cost) = cost {
                *counted.accounts.entry(cost).or_insert(0) += step;
            }
        }
    }

    fn fresh(&self, now: Timestamp) -> Option<Counted> {
        let known = self.lock();
        let counted = known.counted.as_ref()?;
        let age_us = now.micros() - counted.at.micros();
        (0..COUNTED_EVERY_US).contains(&age_us).then(|| counted.clone())
    }

    fn moves(&self) -> u64 {
        self.lock().moves
    }

    /// Whether nothing moved while it was counted.
    fn keep(&self, counted: &Counted, moves: u64) -> bool {
        let mut known = self.lock();
        known.counted = Some(counted.clone());
        known.moves == moves
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compare a password with what is stored for this address; with nothing stored it takes as long as for one of the accounts, and is
/// wrong.
pub(super) async fn check(
    identity: &Identity,
    email: &Email,
    stored: Option<String>,
    given: &Secret<String>,
) -> Result<Verdict> {
    let passwords = &identity.0.passwords;
    let stranger = counted(identity).await?.of_stranger(email, &passwords.cost());
    passwords.check(stored, given, &stranger).await
}

/// What was counted within the last hour, or is now.
pub(super) async fn counted(identity: &Identity) -> Result<Counted> {
    let costs = &identity.0.costs;
    if let Some(counted) = costs.fresh(identity.now()) {
        return Ok(counted);
    }
    let _alone = costs.counting.lock().await;
    if let Some(counted) = costs.fresh(identity.now()) {
        return Ok(counted); // whoever was waited for
    }
    let mut tries = 0;
    loop {
        let moves = costs.moves();
        let counted = count(identity).await?;
        tries += 1;
        if costs.keep(&counted, moves) || tries == COUNTS_MAX {
            return Ok(counted);
        }
    }
}

async fn count(identity: &Identity) -> Result<Counted> {
    let (at, key) = (identity.now(), key(identity).await?);
    let (mut accounts, mut after) = (BTreeMap::new(), String::new());
    let mut db = identity.0.db.read().await?;
    for _ in 0..COSTS_MAX {
        let Some(stored) = store::credential_next(&mut db, &after).await? else { break };
        after = stored;
        // What is no hash of ours lets nobody in.
        if let Some(cost) = Cost::of(&after) {
            after = cost.end();
            let had = store::credential_count(&mut db, cost.start(), &after).await?;
            accounts.insert(cost, had);
        }
    }
    Ok(Counted { at, key, accounts })
}

async fn key(identity: &Identity) -> Result<Vec<u8>> {
    if let Some(key) = store::stranger_key(&mut identity.0.db.read().await?).await? {
        return Ok(key);
    }
    let mut key = vec![0; KEY_BYTES];
    identity.0.cx.random.fill(&mut key)?;
    let mut tx = identity.0.db.begin().await?;
    store::stranger_key_put(&mut tx, key.clone()).await?;
    let kept = store::stranger_key(&mut tx).await?;
    tx.commit().await?;
    Ok(kept.unwrap_or(key))
}
