//! How often one address, one API key, one member, and one company may ask, and the headers that say what is left:
//! `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11, structured fields both (RFC 9651).
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use metrics::Counter;
use wh_base::{Actor, CompanyLimits, Credential, Result};
use wh_contract::{ApiKeyId, TenantId, UserId};

use super::cells::{Cells, Quota, Standing, Verdict};
use crate::config::ServerConfig;
use crate::edge::codes;
use crate::serve::counted;

/// Requests refused because their sender had none left; label policy.
pub(crate) const LIMITED: &str = "http_requests_limited_total";

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// All quotas are per minute.
const WINDOW: Duration = Duration::from_mins(1);
/// A request counts for its address, for its key, for its member, for its share of the company's limit, and for its company.
const COUNTED_MAX: usize = 5;
/// One sender has at most one part in so many of what the operator gave its company: one that runs wild leaves the others the rest.
const SHARES: u32 = 2;
/// What does not count for a limited company, one session or key may ask so often in a minute: enough for a way out, and no way past
/// the limit. By session and not by person: who signs in anew gets out, whatever somebody else does with the old one.
const CALLER_PER_MIN: u32 = 300;

/// The tables of all policies.
pub(crate) struct Rates {
    /// From here the tables' time counts.
    began: Instant,
    /// None when the configuration switches them off.
    general: Option<General>,
    /// Always there: a limit that the operator set for a company holds in any case.
    tenant: Policy,
    /// What one key, or one person by their sessions, takes of a limit that the operator set. Without such a limit it takes no memory.
    sender: OnceLock<Policy>,
    /// What one session or key asks beside such a limit.
    caller: OnceLock<Policy>,
}

/// What counts for everybody alike.
struct General {
    address: Policy,
    key: Policy,
    user: Policy,
}

struct Policy {
    name: &'static str,
    cells: Cells,
    limited: Counter,
}

/// Who takes of a company's limit. The company is part of it: a person may be in several, with a limit each.
#[derive(Clone, Copy, Hash)]
enum Sender {
    Key(TenantId, ApiKeyId),
    /// By all their sessions.
    Person(TenantId, UserId),
}

impl Sender {
    fn of(actor: &Actor) -> Self {
        match actor.key() {
            Some(grant) => Self::Key(actor.tenant, grant.key),
            None => Self::Person(actor.tenant, actor.user),
        }
    }
}

/// What one request has counted for: part of its visit.
#[derive(Default)]
pub(crate) struct Tally(Mutex<[Option<Line>; COUNTED_MAX]>);

#[derive(Clone, Copy)]
struct Line {
    name: &'static str,
    quota: Quota,
    standing: Standing,
}

impl Rates {
    /// As the configuration says.
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            began: Instant::now(),
            general: config.rate_limits.then(|| General {
                address: Policy::new("address", config.rate_address_per_min),
                key: Policy::new("key", config.rate_key_per_min),
                user: Policy::new("user", config.rate_user_per_min),
            }),
            tenant: Policy::new("tenant", config.rate_tenant_per_min),
            sender: OnceLock::new(),
            caller: OnceLock::new(),
        }
    }

    /// A request came from there.
    pub(crate) fn address(&self, address: IpAddr, tally: &Tally) -> Result<()> {
        let Some(general) = &self.general else { return Ok(()) };
        self.count(&general.address, general.address.quota(), counted(address), tally)
    }

    /// It is theirs. The key comes first: what is refused to it takes nothing from its owner and their company.
    pub(crate) fn actor(&self, actor: &Actor, tally: &Tally) -> Result<()> {
        let Some(General { key, user, .. }) = &self.general else { return Ok(()) };
        if let Some(grant) = actor.key() {
            self.count(key, key.quota(), grant.key, tally)?;
        }
        self.count(user, user.quota(), actor.user, tally)
    }

    /// It is their company's. Of a limit that the operator set, one sender has a share: what goes beyond takes nothing from the company,
    /// and what the company has not takes nothing from the share.
    pub(crate) fn company(&self, actor: &Actor, own: CompanyLimits, tally: &Tally) -> Result<()> {
        let Some(requests) = own.requests_per_min else {
            if self.general.is_none() {
                return Ok(());
            }
            return self.count(&self.tenant, self.tenant.quota(), actor.tenant, tally);
        };
        let policy = self.sender.get_or_init(|| Policy::new("sender", requests));
        let (share, sender) = (per_min(requests.div_ceil(SHARES)), Sender::of(actor));
        self.count(policy, share, sender, tally)?;
        self.count(&self.tenant, per_min(requests), actor.tenant, tally).inspect_err(|_| {
            tally.correct(policy.name, policy.cells.give_back(share, sender, self.began.elapsed()));
        })
    }

    /// It is not their company's, although that has a limit.
    pub(crate) fn apart(&self, actor: &Actor, own: CompanyLimits, tally: &Tally) -> Result<()> {
        if own.requests_per_min.is_none() {
            return Ok(());
        }
        let caller = self.caller.get_or_init(|| Policy::new("caller", CALLER_PER_MIN));
        match &actor.credential {
            Credential::Session(session) => self.count(caller, caller.quota(), session, tally),
            Credential::Key(grant) => self.count(caller, caller.quota(), grant.key, tally),
        }
    }

    fn count(&self, policy: &Policy, quota: Quota, key: impl std::hash::Hash, tally: &Tally) -> Result<()> {
        let verdict = policy.cells.take_of(quota, key, self.began.elapsed());
        let (Verdict::Within(standing) | Verdict::Beyond(standing)) = verdict;
        tally.add(Line { name: policy.name, quota, standing });
        if matches!(verdict, Verdict::Within(_)) {
            return Ok(());
        }
        policy.limited.increment(1);
        let name = policy.name;
        Err(codes::RATE_LIMITED
            .error(format!(
                "more than {} requests in {} s of one {name}",
                quota.requests,
                quota.window.as_secs()
            ))
            .retry_after(u32::try_from(standing.reset_s).unwrap_or(u32::MAX)))
    }
}

/// So many requests a minute.
fn per_min(requests: u32) -> Quota {
    Quota { requests: u64::from(requests), window: WINDOW }
}

impl Policy {
    fn new(name: &'static str, requests: u32) -> Self {
        let limited = metrics::counter!(LIMITED, "policy" => name);
        Self { name, cells: Cells::new(per_min(requests)), limited }
    }

    fn quota(&self) -> Quota {
        self.cells.quota()
    }
}

impl Tally {
    fn add(&self, line: Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(free) = lines.iter_mut().find(|line| line.is_none()) {
            *free = Some(line);
        }
    }

    /// What was counted was taken back.
    fn correct(&self, name: &str, standing: Standing) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.iter_mut().flatten().find(|line| line.name == name) {
            line.standing = standing;
        }
    }

    /// Say it in the answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let lines = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines[0].is_none() {
            return;
        }
        let (mut policies, mut left) = (String::with_capacity(128), String::with_capacity(128));
        for Line { name, quota, standing } in lines.iter().flatten() {
            let comma = if policies.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(policies, "{comma}\"{name}\";q={};w={}", quota.requests, quota.window.as_secs());
            let _ = write!(left, "{comma}\"{name}\";r={};t={}", standing.remaining, standing.reset_s);
        }
        for (name, text) in [(POLICY, policies), (LEFT, left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}
