//! What was answered to a key: the storage behind `Idempotency-Key`. Knows no HTTP beyond a status and bytes.
use uuid::Uuid;
use wh_base::Result;
use wh_contract::TenantId;

use crate::engine::Scope;
use crate::tx::Changing;
use crate::{Db, Row, args, codes};

/// A key that is running this long belongs to a process that is gone: whoever asks then runs it again.
pub const IDEMPOTENCY_RUNNING_S_MAX: i64 = 60;
/// How long an answer is kept.
pub const IDEMPOTENCY_KEPT_S: i64 = 24 * 60 * 60;

/// What is known about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotent {
    /// Nothing: run it, then [`Db::idempotency_finish`] or [`Db::idempotency_forget`] with this run.
    Fresh(IdempotentRun),
    /// It runs at this moment.
    Running,
    /// The key was used for another request.
    Mismatch,
    /// It ran; this was the answer.
    Replay(StoredAnswer),
}

/// The right to write down the answer to a key.
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
const TAKE_OVER: &str = "UPDATE kernel_idempotency SET fingerprint = $3, run = $4, created_at = $5, status = NULL, \
     headers = NULL, body = NULL WHERE tenant_id = $1 AND key = $2 AND created_at = $6";
const FIND: &str = "SELECT fingerprint, status, headers, body, created_at FROM kernel_idempotency \
     WHERE tenant_id = $1 AND key = $2";
const FINISH: &str = "UPDATE kernel_idempotency SET status = $4, headers = $5, body = $6 \
     WHERE tenant_id = $1 AND key = $2 AND run = $3";
const FORGET: &str =
    "DELETE FROM kernel_idempotency WHERE tenant_id = $1 AND key = $2 AND run = $3 AND status IS NULL";

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
            let over = args![tenant, key, fingerprint, run, now, since];
            if tx.kernel_count(TAKE_OVER, over).await? == 0 {
                return Ok(Idempotent::Running);
            }
        }
        tx.commit().await?;
        Ok(Idempotent::Fresh(IdempotentRun { tenant, key: key.to_owned(), run }))
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

    /// Nothing was changed (the request was refused, or failed): the key may be used again at once.
    pub async fn idempotency_forget(&self, run: IdempotentRun) -> Result<()> {
        let IdempotentRun { tenant, key, run } = run;
        let mut tx = Changing::open(&self.core, Scope::Tenant(tenant)).await?;
        tx.kernel_count(FORGET, args![tenant, key, run]).await?;
        tx.commit().await
    }
}

fn known(row: &Row) -> Result<Idempotent> {
    let Some(status) = row.int_opt("status")? else { return Ok(Idempotent::Running) };
    Ok(Idempotent::Replay(StoredAnswer {
        status: u16::try_from(status).map_err(|e| codes::VALUE.caused("a stored status is no status", e))?,
        headers_json: row.text_opt("headers")?.unwrap_or("{}").to_owned(),
        body: row.bytes_opt("body")?.unwrap_or_default().to_vec(),
    }))
}
