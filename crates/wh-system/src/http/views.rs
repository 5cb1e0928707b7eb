//! What the operator's view answers: an allow-list of fields per thing. No row and no event data of a company.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::{CompanyLimits, Timestamp};
use wh_contract::{EventId, TenantId};
use wh_db::{Parked, QueueState, Retried, SlowStatement};
use wh_server::NodeName;

use crate::model::{
    BackupFailure, BackupState, CompanyUsage, LimitFrom, Node, NodeFigures, NodeSeen, NodeState, Proven,
    WantedLimits,
};

/// A list that is given whole
#[derive(Serialize, ToSchema)]
pub(super) struct Whole<T> {
    items: Vec<T>,
}

/// The list as it is shown.
pub(super) fn whole<T, V: From<T>>(items: Vec<T>) -> Whole<V> {
    Whole { items: items.into_iter().map(V::from).collect() }
}

/// One process that serves the installation
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub(super) struct NodeView {
    /// New at each start
    id: uuid::Uuid,
    /// The machine's name
    host: String,
    /// Whether it is heard of
    state: NodeStateView,
    /// Whether it is the one that answers this
    answering: bool,
    /// When it last said that it is there, by its own clock; of a silent one: since when nothing is heard of it
    seen_at: Timestamp,
    /// Where it is reached: `public_url` where one is set, else where it listens
    address: String,
    /// The version that runs
    version: String,
    /// The commit it was built from, or `unknown`
    commit: String,
    /// The engine of its database
    engine: &'static str,
    started_at: Timestamp,
    /// What the operating system said of it then; absent where it says nothing
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<NodeProcess>,
}

/// Whether a node is heard of
#[derive(Serialize, ToSchema)]
#[schema(as = NodeState)]
#[serde(rename_all = "snake_case")]
pub(super) enum NodeStateView {
    /// It said within the last 30 seconds that it is there
    Up,
    /// It did not: it ended without a word, or cannot reach the database
    Silent,
}

/// A process as its operating system sees it
#[derive(Serialize, ToSchema)]
pub(super) struct NodeProcess {
    resident_bytes: u64,
    cpu_s: f64,
    threads: u64,
    open_fds: u64,
    max_fds: u64,
}

impl From<NodeSeen> for NodeView {
    fn from(seen: NodeSeen) -> Self {
        let NodeSeen { node, seen_at, state, answering, figures } = seen;
        let Node { id, host, address, version, commit, engine, started_at, .. } = node;
        let state = match state {
            NodeState::Up => NodeStateView::Up,
            NodeState::Silent => NodeStateView::Silent,
        };
        let process = figures.map(|figures| {
            let NodeFigures { resident_bytes, cpu_s, threads, open_fds, max_fds } = figures;
            NodeProcess { resident_bytes, cpu_s, threads, open_fds, max_fds }
        });
        Self { id, host, state, answering, seen_at, address, version, commit, engine, started_at, process }
    }
}

/// How the backups of the installation stand
#[derive(Serialize, ToSchema)]
#[schema(as = BackupState)]
pub(super) struct BackupStateView {
    /// Where the server keeps them by itself; absent where no target is set
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Up to this moment everything is kept; absent where there is no backup
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_at: Option<Timestamp>,
    /// The last proven restore
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    proven: Option<ProvenView>,
    /// The last failed backup, unless one succeeded since
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<BackupFailureView>,
    /// The last failed proof, unless one succeeded since
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    unproven: Option<BackupFailureView>,
}

/// A point of the backups that was restored and found whole
#[derive(Serialize, ToSchema)]
#[schema(as = BackupProven)]
pub(super) struct ProvenView {
    at: Timestamp,
    /// The point's id
    point: String,
    /// The moment that the point keeps
    point_at: Timestamp,
    /// Rows of all tables in it
    rows: u64,
    /// Objects in it
    objects: u64,
    /// Bytes of database and objects
    bytes: u64,
    /// How long restoring and checking took
    took_ms: u64,
}

/// Why a backup or a proof failed
#[derive(Serialize, ToSchema)]
#[schema(as = BackupFailure)]
pub(super) struct BackupFailureView {
    at: Timestamp,
    /// The error's code
    code: String,
    /// Its message
    message: String,
}

impl From<BackupState> for BackupStateView {
    fn from(state: BackupState) -> Self {
        let BackupState { target, kept_at, proven, failed, unproven } = state;
        let proven = proven.map(|proven| {
            let Proven { at, point, point_at, rows, objects, bytes, took_ms } = proven;
            ProvenView { at, point, point_at, rows, objects, bytes, took_ms }
        });
        let (failed, unproven) = (failed.map(BackupFailureView::from), unproven.map(BackupFailureView::from));
        Self { target, kept_at, proven, failed, unproven }
    }
}

impl From<BackupFailure> for BackupFailureView {
    fn from(failure: BackupFailure) -> Self {
        let BackupFailure { at, code, message } = failure;
        Self { at, code, message }
    }
}

/// The statements that were slow at one node
#[derive(Serialize, ToSchema)]
#[schema(as = SlowStatements)]
pub(super) struct SlowStatementsView {
    /// The node that answers: its statements they are
    node: NodeName,
    items: Vec<SlowStatementView>,
}

impl SlowStatementsView {
    /// Of this node.
    pub(super) fn of(node: NodeName, slow: Vec<SlowStatement>) -> Self {
        Self { node, items: slow.into_iter().map(SlowStatementView::from).collect() }
    }
}

/// A statement that was slow
#[derive(Serialize, ToSchema)]
#[schema(as = SlowStatement)]
pub(super) struct SlowStatementView {
    /// Its text, blanks squeezed, cut to 500 characters
    statement: String,
    /// `read` or `write`
    kind: &'static str,
    /// How often it was slow
    count: u64,
    /// How often it then failed
    failed: u64,
    total_ms: f64,
    longest_ms: f64,
    last_at: Timestamp,
}

impl From<SlowStatement> for SlowStatementView {
    fn from(slow: SlowStatement) -> Self {
        let SlowStatement { statement, kind, count, failed, total_ms, longest_ms, last_at } = slow;
        Self { statement, kind, count, failed, total_ms, longest_ms, last_at }
    }
}

/// A queue
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
pub(super) struct QueueView {
    /// `delivery` (events not yet told) or `reactions` (events that a context must try again)
    name: &'static str,
    /// How many wait; of `delivery` no more than 1,000 are counted
    waiting: i64,
    /// How many were put aside
    parked: i64,
    /// Since when the oldest waits
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_at: Option<Timestamp>,
}

impl From<QueueState> for QueueView {
    fn from(queue: QueueState) -> Self {
        let QueueState { name, waiting, parked, oldest_at } = queue;
        Self { name, waiting, parked, oldest_at }
    }
}

/// An event that was put aside
#[derive(Serialize, ToSchema)]
#[schema(as = Parked)]
pub(super) struct ParkedView {
    event_id: EventId,
    /// Whose event
    tenant_id: TenantId,
    /// What happened: `panels.imported`
    kind: String,
    /// The id of the thing it happened to
    subject: String,
    /// When
    time: Timestamp,
    /// Whose reaction failed: `context:kind`
    reaction: String,
    /// How often it was tried
    attempts: i64,
    /// Why it failed the last time
    reason: String,
}

impl From<Parked> for ParkedView {
    fn from(parked: Parked) -> Self {
        let Parked { event, reaction, attempts, reason, .. } = parked;
        Self {
            event_id: event.id,
            tenant_id: event.tenant,
            kind: event.kind,
            subject: event.subject,
            time: event.time,
            reaction,
            attempts,
            reason,
        }
    }
}

/// A company with what it uses
#[derive(Serialize, ToSchema)]
#[schema(as = CompanyUsage)]
pub(super) struct CompanyUsageView {
    id: TenantId,
    name: String,
    created_at: Timestamp,
    used: Vec<UsedView>,
    /// What the operator set for this company
    limits: CompanyLimitsView,
    /// What the operator set for every company: counts where `limits` names none
    default_limits: CompanyLimitsView,
}

/// What a company has of one kind of thing
#[derive(Serialize, ToSchema)]
#[schema(as = Used)]
pub(super) struct UsedView {
    /// `members`, `panels`, `storage` and so on
    what: &'static str,
    /// `count` or `bytes`
    unit: &'static str,
    /// How many it has
    used: i64,
    /// How many it may have; absent where there is no limit
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
    /// Who set the limit: `company` (the operator, for this company), `default` (the operator, for every company) or `house`
    /// (no company may have more); absent where there is no limit
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_from: Option<&'static str>,
}

fn limit_from_word(from: LimitFrom) -> &'static str {
    match from {
        LimitFrom::Company => "company",
        LimitFrom::Default => "default",
        LimitFrom::House => "house",
    }
}

impl From<CompanyUsage> for CompanyUsageView {
    fn from(usage: CompanyUsage) -> Self {
        let used: Vec<UsedView> = usage
            .used
            .iter()
            .map(|one| UsedView {
                what: one.what,
                unit: one.unit,
                used: one.used,
                limit: one.limit,
                limit_from: usage.limit_from(one).map(limit_from_word),
            })
            .collect();
        let CompanyUsage { company, limits, defaults, .. } = usage;
        Self {
            id: company.id,
            name: company.name,
            created_at: company.created_at,
            used,
            limits: limits.into(),
            default_limits: defaults.into(),
        }
    }
}

/// What the operator lets a company use at most
#[derive(Serialize, ToSchema)]
#[schema(as = CompanyLimits)]
pub(super) struct CompanyLimitsView {
    /// Requests a minute of all its members and keys, at each process; absent where it is not set: then `rate_tenant_per_min` counts
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_min: Option<u32>,
    /// Bytes on the object store; absent where it is not set
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_bytes: Option<u64>,
    /// Panels; absent where it is not set
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    panels: Option<i64>,
    /// People and service accounts; absent where it is not set
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<i64>,
}

impl From<CompanyLimits> for CompanyLimitsView {
    fn from(limits: CompanyLimits) -> Self {
        let CompanyLimits { requests_per_min, storage_bytes, panels, members } = limits;
        Self { requests_per_min, storage_bytes, panels, members }
    }
}

/// The limits that a company shall have: all of them, what is left out is removed
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompanyLimitsSet {
    /// Requests a minute of all its members and keys, at each process
    #[schema(minimum = 60, maximum = 500_000_000, examples(6000))]
    requests_per_min: Option<u64>,
    /// Bytes on the object store
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_u64, examples(10_737_418_240_u64))]
    storage_bytes: Option<u64>,
    /// Panels
    #[schema(minimum = 1, maximum = 10_000, examples(200))]
    panels: Option<u64>,
    /// People and service accounts
    #[schema(minimum = 1, maximum = 10_000, examples(500))]
    members: Option<u64>,
}

impl From<CompanyLimitsSet> for WantedLimits {
    fn from(set: CompanyLimitsSet) -> Self {
        let CompanyLimitsSet { requests_per_min, storage_bytes, panels, members } = set;
        Self { requests_per_min, storage_bytes, panels, members }
    }
}

/// The levels of a node's log
#[derive(Serialize, ToSchema)]
#[schema(as = LogLevel)]
pub(super) struct LogLevelView {
    /// A level, or a list of parts: `info,wh_db=debug`
    pub(super) levels: String,
    /// The node that answers: its log it is
    pub(super) node: NodeName,
}

/// Which parked events are tried again
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParkedRetryAll {
    /// Whose reaction gave them up, as `parked_list` names it: `context:kind`
    #[schema(min_length = 1, max_length = 200, examples("panels:panels.created"))]
    pub(super) reaction: String,
}

/// What became of the parked events of a reaction
#[derive(Serialize, ToSchema)]
#[schema(as = ParkedRetried)]
pub(super) struct ParkedRetriedView {
    /// How many are tried again
    retried: u64,
    /// How many are still parked: ask again for them
    left: u64,
}

impl From<Retried> for ParkedRetriedView {
    fn from(done: Retried) -> Self {
        let Retried { retried, left } = done;
        Self { retried, left }
    }
}

/// The levels that a log shall have
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogLevelSet {
    /// error, warn, info, debug, trace or off; or a list of parts: `info,wh_db=debug`
    #[schema(min_length = 1, max_length = 500, examples("info,wh_db=debug"))]
    pub(super) levels: String,
}
