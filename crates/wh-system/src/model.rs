//! What an operator looks at. Pure: no database, no HTTP, no clock.
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wh_base::{CompanyLimits, Result, Timestamp};
use wh_contract::TenantId;

use crate::codes;

/// With fewer requests a minute nobody could work in the company, nor see why.
pub const REQUESTS_PER_MIN_MIN: u64 = 60;
/// As many as the front door can tell from one another.
pub const REQUESTS_PER_MIN_MAX: u64 = 500_000_000;
/// The largest whole number that every client reads as itself.
pub const STORAGE_BYTES_MAX: u64 = (1 << 53) - 1;

/// Seconds between two beats of a node. Each is one small change of the database, which no log and no replica sees; more seldom, and a
/// dead node would be taken for a living one for too long.
pub const NODE_BEAT_S: u64 = 10;
/// A node that was not heard of for longer is silent: three beats are missing, which neither a slow answer nor one lost
/// connection explains.
pub const NODE_SILENT_AFTER_S: i64 = 30;
/// For so long a silent node is listed: who comes in the morning sees what ended in the night.
pub const NODE_KEPT_S: i64 = 24 * 60 * 60;

/// One process that serves the installation.
#[derive(Clone, Debug)]
pub struct Node {
    /// New at each start.
    pub id: Uuid,
    /// Its data folder: the same after each start there.
    pub place: Uuid,
    /// The machine's name.
    pub host: String,
    /// Where it is reached.
    pub address: String,
    /// The version that runs.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// The engine of its database: `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Since when it runs.
    pub started_at: Timestamp,
}

/// What the operating system says of a process.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFigures {
    /// Bytes of memory that are really there.
    pub resident_bytes: u64,
    /// Seconds of CPU since the start, of all threads.
    pub cpu_s: f64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// How many there may be.
    pub max_fds: u64,
}

/// Whether a node is heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeState {
    /// It is.
    Up,
    /// Not any more: it ended without a word, or cannot reach the database.
    Silent,
}

/// A node as it was last heard of.
#[derive(Clone, Debug)]
pub struct NodeSeen {
    /// Which.
    pub node: Node,
    /// When it last said that it is there.
    pub seen_at: Timestamp,
    /// Whether it does so still.
    pub state: NodeState,
    /// Whether it is the one that answers.
    pub answering: bool,
    /// What its operating system said then, where it says anything.
    pub figures: Option<NodeFigures>,
}

impl NodeSeen {
    /// The node that answers, as it is now.
    pub fn itself(node: Node, figures: Option<NodeFigures>, now: Timestamp) -> Self {
        Self { node, seen_at: now, state: NodeState::Up, answering: true, figures }
    }

    /// Another one, by what it last said.
    pub fn other(node: Node, figures: Option<NodeFigures>, seen_at: Timestamp, now: Timestamp) -> Self {
        let late = seen_at < now.plus_seconds(-NODE_SILENT_AFTER_S);
        let state = if late { NodeState::Silent } else { NodeState::Up };
        Self { node, seen_at, state, answering: false, figures }
    }
}

/// The one that answers first, then those that are up by the names of their machines, then the silent ones.
pub fn in_order(mut nodes: Vec<NodeSeen>) -> Vec<NodeSeen> {
    nodes.sort_by(|a, b| {
        let key = |seen: &NodeSeen| (!seen.answering, seen.state);
        key(a).cmp(&key(b)).then_with(|| a.node.host.cmp(&b.node.host)).then(a.node.id.cmp(&b.node.id))
    });
    nodes
}

/// A company of the installation.
#[derive(Clone, Debug)]
pub struct Company {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a company has of one kind of thing, and how many it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Whose.
    pub tenant: TenantId,
    /// `members`, `panels`, `storage`: a word of its context.
    pub what: &'static str,
    /// `count` or `bytes`.
    pub unit: &'static str,
    /// How many it has.
    pub used: i64,
    /// How many it may have, where there is a limit.
    pub limit: Option<i64>,
}

/// A company with all that it uses.
#[derive(Clone, Debug)]
pub struct CompanyUsage {
    /// The company.
    pub company: Company,
    /// By context, in the order of the contexts.
    pub used: Vec<Used>,
    /// What the operator set for it.
    pub limits: CompanyLimits,
    /// What the operator set for every company; counts where nothing is set for this one.
    pub defaults: CompanyLimits,
}

/// Who set a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitFrom {
    /// The operator, for this company.
    Company,
    /// The operator, for every company that has none of its own.
    Default,
    /// Nobody: no company may have more.
    House,
}

/// The limit of one kind of thing among these.
fn limit_of(limits: &CompanyLimits, what: &str) -> Option<i64> {
    match what {
        "storage" => limits.storage_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        "panels" => limits.panels,
        "members" => limits.members,
        _ => None,
    }
}

impl CompanyUsage {
    /// What the operator set counts where it is less than what the house allows.
    pub fn new(
        company: Company,
        mut used: Vec<Used>,
        limits: CompanyLimits,
        defaults: CompanyLimits,
    ) -> Self {
        let set = limits.or(defaults);
        for used in &mut used {
            used.limit = limit_of(&set, used.what).into_iter().chain(used.limit).min();
        }
        Self { company, used, limits, defaults }
    }

    /// Who set the limit of a kind of thing, where it has one.
    pub fn limit_from(&self, used: &Used) -> Option<LimitFrom> {
        used.limit?;
        Some(match (limit_of(&self.limits, used.what), limit_of(&self.defaults, used.what)) {
            (own, _) if own == used.limit => LimitFrom::Company,
            (None, default) if default == used.limit => LimitFrom::Default,
            _ => LimitFrom::House,
        })
    }
}

/// What an operator wants a company to use at most. Nothing: as much as the house allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedLimits {
    /// Requests a minute of all its members and keys, at each process.
    pub requests_per_min: Option<u64>,
    /// Bytes on the object store.
    pub storage_bytes: Option<u64>,
    /// Panels.
    pub panels: Option<u64>,
    /// Members: people and service accounts.
    pub members: Option<u64>,
}

impl WantedLimits {
    /// Each within its bounds; `house` is what any company has, with the limits that nobody can raise.
    pub fn parse(self, house: &[Used]) -> Result<CompanyLimits> {
        let most = |what: &str| {
            let limit = house.iter().find(|used| used.what == what).and_then(|used| used.limit);
            limit.map_or(STORAGE_BYTES_MAX, i64::unsigned_abs)
        };
        let Self { requests_per_min, storage_bytes, panels, members } = self;
        if [requests_per_min, storage_bytes, panels, members].iter().all(Option::is_none) {
            return Err(codes::LIMITS.error("no limit is named"));
        }
        let bounds = [
            ("requests_per_min", requests_per_min, REQUESTS_PER_MIN_MIN, REQUESTS_PER_MIN_MAX),
            ("storage_bytes", storage_bytes, 1, STORAGE_BYTES_MAX),
            ("panels", panels, 1, most("panels")),
            ("members", members, 1, most("members")),
        ];
        for (name, wanted, least, most) in bounds {
            if wanted.is_some_and(|wanted| wanted < least || wanted > most) {
                let detail = format!("must be {least} to {most}");
                return Err(codes::LIMITS.error(format!("{name} {detail}")).at(format!("/{name}"), detail));
            }
        }
        Ok(CompanyLimits {
            requests_per_min: requests_per_min.and_then(|n| u32::try_from(n).ok()),
            storage_bytes,
            panels: panels.and_then(|n| i64::try_from(n).ok()),
            members: members.and_then(|n| i64::try_from(n).ok()),
        })
    }
}

/// How the backups of the installation stand.
#[derive(Clone, Debug, Default)]
pub struct BackupState {
    /// Where the server keeps them by itself; nothing where it keeps none.
    pub target: Option<String>,
    /// Up to which moment everything is kept.
    pub kept_at: Option<Timestamp>,
    /// The last proven restore.
    pub proven: Option<Proven>,
    /// The last failed backup, unless one succeeded since.
    pub failed: Option<BackupFailure>,
    /// The last failed proof, unless one succeeded since.
    pub unproven: Option<BackupFailure>,
}

/// A point of the backups that was restored and found whole.
#[derive(Clone, Debug)]
pub struct Proven {
    /// When.
    pub at: Timestamp,
    /// The point's id.
    pub point: String,
    /// The moment that the point keeps.
    pub point_at: Timestamp,
    /// Rows of all tables in it.
    pub rows: u64,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of database and objects.
    pub bytes: u64,
    /// How long restoring and checking took, in milliseconds.
    pub took_ms: u64,
}

/// Why a backup or a proof failed.
#[derive(Clone, Debug)]
pub struct BackupFailure {
    /// When.
    pub at: Timestamp,
    /// The error's code.
    pub code: String,
    /// Its message.
    pub message: String,
}
