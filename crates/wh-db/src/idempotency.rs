//! What was answered to a key: the storage behind `Idempotency-Key`. Knows no HTTP beyond a status and bytes.
//!
//! That a key is done stands in its record as soon as the change is there: the change's own transaction writes it. Whatever is
//! lost afterwards, the answer of the commit, the process, the client, it is not done again.
use std::future::Future;

use uuid::Uuid;
use wh_base::Result;
use wh_contract::TenantId;

use crate::engine::Scope;
use crate::tx::Changing;
use crate::{Db, Row, Value, args, codes};

/// A key that is running this long belongs to a process that is gone: whoever asks then runs it again.
pub const IDEMPOTENCY_RUNNING_S_MAX: i64 = 60;
/// How long an answer is kept.
pub const IDEMPOTENCY_KEPT_S: i64 = 24 * 60 * 60;

/// What is known about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotent {
    /// Nothing: do it [`IdempotentRun::within`], then [`Db::idempotency_finish`] or [`Db::idempotency_forget`] with this run.
    Fresh(IdempotentRun),
    /// It runs at this moment.
    Running,
    /// The key was used for another request.
    Mismatch,
    /// The change was made, and its answer has not been written down: it will be in a moment, or it is lost.
    Unanswered,
    /// It ran; this was the answer.
    Replay(StoredAnswer),
}

/// What a run has left behind that ends without an answer to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// No transaction of it was committed, and none ever will be: the key may be used again.
    NothingDone,
    /// A transaction of it was committed: the key stays used.
    Done,
}

/// The right to make the change of a key, and to write down its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRun {
    tenant: TenantId,
    key: String,
    run: Uuid,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The status.
    pub status: u16,
    /// The headers worth keeping, as JSON.
    pub headers_json: String,
    /// The body.
    pub body: Vec<u8>,
}

const TAKE: &str = "INSERT INTO kernel_idempotency (tenant_id, key, fingerprint, run, created_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (tenant_id, key) DO NOTHING";
/// Where the change of the run before is committed in this very moment, this waits for it, and then takes nothing.
const TAKE_OVER: &str = "UPDATE kernel_idempotency SET fingerprint = $3, run = $4, created_at = $5, status = NULL, \
     headers = NULL, body = NULL WHERE tenant_id = $1 AND key = $2 AND created_at = $6 AND (status IS NULL OR created_at <= $7)";
const FIND: &str = "SELECT fingerprint, status, headers, body, created_at FROM kernel_idempotency \
     WHERE tenant_id = $1 AND key = $2";
const FINISH: &str = "UPDATE kernel_idempotency SET status = $4, headers = $5, body = $6 \
     WHERE tenant_id = $1 AND key = $2 AND run = $3";
/// Waits for a commit that is under way although nobody hears of it any more.
const FORGET: &str =
    "DELETE FROM kernel_idempotency WHERE tenant_id = $1 AND key = $2 AND run = $3 AND status IS NULL";
const DONE: &str = "SELECT status FROM kernel_idempotency \
     WHERE tenant_id = $1 AND key = $2 AND run = $3 AND status IS NOT NULL";
/// Done, without an answer. Written in the transaction of the change.
pub(crate) const MARK: &str =
    "UPDATE kernel_idempotency SET status = 0 WHERE tenant_id = $1 AND key = $2 AND run = $3";

tokio::task_local! {
    static CURRENT: IdempotentRun;
}

impl IdempotentRun {
    /// Do the work of the key: each transaction for a context that it commits marks the key as done, or fails because another run
    /// has taken the key over. Tasks that the work spawns are not part of it.
    pub async fn within<F: Future>(&self, work: F) -> F::Output {
        CURRENT.scope(self.clone(), work).await
    }

    /// The key whose work this task does.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What [`MARK`] takes.
    pub(crate) fn mark(&self) -> [Value; 3] {
        [self.tenant.into(), self.key.as_str().into(), self.run.into()]
    }
}

impl Db {
    /// Take a key, or learn what became of it. `key` is scoped to the tenant: let it name the user and operation too.
    /// `fingerprint` is a digest of the request.
    pub async fn idempotency_begin(
        &self,
        tenant: TenantId,
        key: &str,
        fingerprint: &[u8],
    ) -> Result<Idempotent> {
        let run: Uuid = self.core.ids.next();
        let now = self.core.clock.now();
        let mut tx = Changing::open(&self.core, Scope::Tenant(tenant)).await?;
        let taken = tx.kernel_count(TAKE, args![tenant, key, fingerprint, run, now]).await?;
        if taken == 0 {
            let rows = tx.kernel_rows(FIND, args![tenant, key]).await?;
            let Some(row) = rows.first() else { return Ok(Idempotent::Running) };
            let since = row.time("created_at")?;
            let expired = now >= since.plus_seconds(IDEMPOTENCY_KEPT_S);
            let lost =
                row.int_opt("status")?.is_none() && now >= since.plus_seconds(IDEMPOTENCY_RUNNING_S_MAX);
            if !expired && row.bytes("fingerprint")? != fingerprint {
                return Ok(Idempotent::Mismatch);
            }
            if !expired && !lost {
                return known(row);
            }
            let kept_since = now.plus_seconds(-IDEMPOTENCY_KEPT_S);
            let over = args![tenant, key, fingerprint, run, now, since, kept_since];
            if tx.kernel_count(TAKE_OVER, over).await? == 0 {
                return Ok(Idempotent::Running);
            }
        }
        let run = IdempotentRun { tenant, key: key.to_owned(), run };
        match tx.commit().await {
            Ok(()) => Ok(Idempotent::Fresh(run)),
            Err(error) if error.is(&codes::COMMIT_UNKNOWN) => {
                // Only the key was taken, and nobody works on it: let the next one have it at once.
                if let Err(error) = self.idempotency_forget(&run).await {
                    tracing::warn!(?error, "a key without work cannot be used for a while");
                }
                Err(codes::AWAY.caused("the key was lost while it was taken", error).retry_after(1))
            }
            Err(error) => Err(error),
        }
    }

    /// Write down the answer, so that the same key gives it again.
    pub async fn idempotency_finish(&self, run: IdempotentRun, answer: &StoredAnswer) -> Result<()> {
        let IdempotentRun { tenant, key, run } = run;
        let headers: serde_json::Value = serde_json::from_str(&answer.headers_json)
            .map_err(|e| codes::VALUE.caused("the headers to keep are not JSON", e))?;
        let mut tx = Changing::open(&self.core, Scope::Tenant(tenant)).await?;
        let values = args![tenant, key, run, i64::from(answer.status), headers, answer.body.as_slice()];
        tx.kernel_count(FINISH, values).await?;
        tx.commit().await
    }

    /// The request was refused, or failed: where nothing was changed the key may be used again at once. Knows the outcome of a
    /// commit too whose answer was lost.
    pub async fn idempotency_forget(&self, run: &IdempotentRun) -> Result<RunEnd> {
        let mut tx = Changing::open(&self.core, Scope::Tenant(run.tenant)).await?;
        if tx.kernel_count(FORGET, &run.mark()).await? == 0 {
            let done = tx.kernel_rows(DONE, &run.mark()).await?;
            // Taken over by another run: what this one has not committed by then it cannot commit any more.
            return Ok(if done.is_empty() { RunEnd::NothingDone } else { RunEnd::Done });
        }
        tx.commit().await?;
        Ok(RunEnd::NothingDone)
    }
}

fn known(row: &Row) -> Result<Idempotent> {
    let Some(status) = row.int_opt("status")? else { return Ok(Idempotent::Running) };
    if row.text_opt("headers")?.is_none() {
        return Ok(Idempotent::Unanswered);
    }
    Ok(Idempotent::Replay(StoredAnswer {
        status: u16::try_from(status).map_err(|e| codes::VALUE.caused("a stored status is no status", e))?,
        headers_json: row.text_opt("headers")?.unwrap_or("{}").to_owned(),
        body: row.bytes_opt("body")?.unwrap_or_default().to_vec(),
    }))
}
