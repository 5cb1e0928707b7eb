//! Hashing and checking passwords: argon2id beside the reactor, as many at once as there are cores, a short queue, no more.
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wh_base::{Error, Random, Result, Secret, Served};

use crate::codes;
use crate::config::IdentityConfig;
use crate::model::Password;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Whoever would wait behind more checks than this per core is sent away at once (about a second of work).
const QUEUE_PER_CORE_MAX: usize = 12;
const BUSY_RETRY_AFTER_S: u32 = 2;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The password is right.
    Right,
    /// The password is right, and its hash was made with other parameters than today's.
    RightOutdated,
    /// The password is wrong, or there is none to compare with.
    Wrong,
}

/// The hasher with its bounds.
pub(crate) struct Passwords {
    params: Params,
    /// Compared with when there is no account, so that both cases cost the same. Nothing matches it.
    nobody: String,
    random: Arc<dyn Random>,
    cores: Arc<Semaphore>,
    under_way: Arc<AtomicUsize>,
    under_way_max: usize,
}

impl Passwords {
    pub(crate) fn new(config: &IdentityConfig, random: Arc<dyn Random>) -> Result<Self> {
        let (memory_kib, passes) = (config.password_memory_kib, config.password_passes);
        let params = Params::new(memory_kib, passes, 1, Some(HASH_BYTES))
            .map_err(|e| wh_base::codes::CONFIG.error(format!("section [identity]: {e}")))?;
        let mut noise = [0_u8; SALT_BYTES + HASH_BYTES];
        random.fill(&mut noise)?;
        let (salt, hash) = noise.split_at(SALT_BYTES);
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        let nobody = format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}");
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            params,
            nobody,
            random,
            cores: Arc::new(Semaphore::new(cores)),
            under_way: Arc::new(AtomicUsize::new(0)),
            under_way_max: cores * (1 + QUEUE_PER_CORE_MAX),
        })
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: &Secret<String>) -> Result<String> {
        let mut salt = [0_u8; SALT_BYTES];
        self.random.fill(&mut salt)?;
        let (params, password) = (self.params.clone(), password.clone());
        self.run(move || {
            count(Work::Make, &params);
            let hash: Result<PasswordHash, _> =
                argon2id(params).hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|e| broken("a password could not be hashed", e))
        })
        .await
    }

    /// The PHC string of a password that keeps the rules.
    pub(crate) async fn hash_new(&self, password: &Password) -> Result<String> {
        self.hash(password.secret()).await
    }

    /// Compare with what is stored; with nothing stored it takes as long and is wrong.
    pub(crate) async fn check(&self, stored: Option<String>, given: &Secret<String>) -> Result<Verdict> {
        let (known, stored) = (stored.is_some(), stored.unwrap_or_else(|| self.nobody.clone()));
        let (params, given) = (self.params.clone(), given.clone());
        self.run(move || {
            let parsed =
                PasswordHash::new(&stored).map_err(|e| broken("a stored password hash is unreadable", e))?;
            let used = Params::try_from(&parsed)
                .map_err(|e| broken("a stored password hash has no known parameters", e))?;
            let outdated = !same_cost(&used, &params);
            count(Work::Check, &used);
            let right = argon2id(params).verify_password(given.expose().as_bytes(), &parsed).is_ok();
            Ok(match (known && right, outdated) {
                (true, false) => Verdict::Right,
                (true, true) => Verdict::RightOutdated,
                (false, _) => Verdict::Wrong,
            })
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let place = Place::take(&self.under_way, self.under_way_max)?;
        let core: OwnedSemaphorePermit = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|e| broken("the password pool is closed", e))?;
        // Both move along: a caller that goes away does not free a core that still works.
        let job = tokio::task::spawn_blocking(Served::carried(move || {
            let (_place, _core) = (place, core);
            work()
        }));
        job.await.map_err(|e| broken("the password pool failed", e))?
    }
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What a hash is computed for.
#[derive(Clone, Copy)]
enum Work {
    Make,
    Check,
}

/// One more hash of these parameters: what sign-in costs, and how many people still have a hash of yesterday's.
fn count(work: Work, params: &Params) {
    let work = match work {
        Work::Make => "make",
        Work::Check => "check",
    };
    let (memory_kib, passes) = (params.m_cost().to_string(), params.t_cost().to_string());
    metrics::counter!("identity_password_hashes_total", "work" => work, "memory_kib" => memory_kib, "passes" => passes)
        .increment(1);
}

fn same_cost(a: &Params, b: &Params) -> bool {
    (a.m_cost(), a.t_cost(), a.p_cost()) == (b.m_cost(), b.t_cost(), b.p_cost())
}

fn broken(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    wh_base::codes::INTERNAL.caused(what, source)
}

/// One of the places in front of and at the cores.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(under_way: &Arc<AtomicUsize>, most: usize) -> Result<Self> {
        let place = Self(Arc::clone(under_way));
        if under_way.fetch_add(1, Ordering::AcqRel) < most {
            return Ok(place);
        }
        metrics::counter!("identity_password_refused_total").increment(1);
        Err(codes::BUSY.error("the queue for password checks is full").retry_after(BUSY_RETRY_AFTER_S))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
