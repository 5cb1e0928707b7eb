//! Who did what to what, from where: one line per change, written in the change's own transaction. Proves nothing yet.
use std::net::IpAddr;

use uuid::Uuid;
use wh_base::{Actor, Origin, Timestamp};
use wh_contract::{ApiKeyId, SessionId, UserId};

use crate::Value;

/// Who stands behind a change.
#[derive(Clone, Debug)]
pub struct Who {
    /// The person or service account; none before somebody is signed in, and for the system itself.
    pub user: Option<UserId>,
    /// Their session.
    pub session: Option<SessionId>,
    /// The API key they acted by, instead of a session.
    pub key: Option<ApiKeyId>,
    /// From where.
    pub address: Option<IpAddr>,
    /// The request's id, as in the log.
    pub request: Uuid,
}

impl Who {
    /// The system itself, in a job that nobody asked for; the id is the job's.
    pub fn system(request: Uuid) -> Self {
        Self { user: None, session: None, key: None, address: None, request }
    }

    /// Nobody is signed in yet: setup, sign-in, an invitation.
    pub fn nobody(origin: &Origin) -> Self {
        Self { user: None, session: None, key: None, address: origin.address, request: origin.request }
    }

    /// A person without a session, or with one that has just begun.
    pub fn user(user: UserId, session: Option<SessionId>, origin: &Origin) -> Self {
        Self { user: Some(user), session, key: None, address: origin.address, request: origin.request }
    }
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        let key = actor.key().map(|grant| grant.key);
        Self { key, ..Self::user(actor.user, actor.session(), &actor.origin) }
    }
}

/// One line of the trail.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// The operation's id: `panel_create`.
    pub action: &'static str,
    /// What it happened to: `panels.panel/<id>`.
    pub subject: String,
    /// How it was; never a secret.
    pub before: Option<serde_json::Value>,
    /// How it is; never a secret.
    pub after: Option<serde_json::Value>,
}

/// One line of the trail as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLine {
    /// Its place in the trail of all tenants; rises, with gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The operation's id.
    pub action: String,
    /// What it happened to.
    pub subject: String,
    /// How it was.
    pub before: Option<serde_json::Value>,
    /// How it is.
    pub after: Option<serde_json::Value>,
    /// The person or service account.
    pub user: Option<UserId>,
    /// Their session.
    pub session: Option<SessionId>,
    /// The API key they acted by.
    pub key: Option<ApiKeyId>,
    /// From where.
    pub address: Option<String>,
    /// The request's id.
    pub request: Uuid,
}

pub(crate) const INSERT: &str = "INSERT INTO kernel_audit (tenant_id, at, action, subject, before, after, user_id, session_id, \
     address, request_id, key_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

pub(crate) const RECENT: &str = "SELECT seq, at, action, subject, before, after, user_id, session_id, address, request_id, \
     key_id FROM kernel_audit WHERE tenant_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";

pub(crate) fn values(
    tenant: wh_contract::TenantId,
    at: Timestamp,
    who: &Who,
    entry: AuditEntry,
) -> Vec<Value> {
    vec![
        tenant.into(),
        at.into(),
        entry.action.into(),
        entry.subject.into(),
        entry.before.into(),
        entry.after.into(),
        who.user.into(),
        who.session.into(),
        who.address.map(|address| address.to_string()).into(),
        who.request.into(),
        who.key.into(),
    ]
}

pub(crate) fn line(row: &crate::Row) -> wh_base::Result<AuditLine> {
    Ok(AuditLine {
        seq: row.int("seq")?,
        at: row.time("at")?,
        action: row.text("action")?.to_owned(),
        subject: row.text("subject")?.to_owned(),
        before: row.json_opt("before")?,
        after: row.json_opt("after")?,
        user: row.uuid_opt("user_id")?,
        session: row.uuid_opt("session_id")?,
        key: row.uuid_opt("key_id")?,
        address: row.text_opt("address")?.map(str::to_owned),
        request: row.uuid("request_id")?,
    })
}
