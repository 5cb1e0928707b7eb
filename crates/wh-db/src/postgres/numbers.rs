//! Numbers of transactions mean something on one server only. Where the database came from another one, by a restore or a move, the
//! events that came with it are numbered anew; otherwise nothing of this server would be behind them for as long as it has
//! counted less. Delivers nothing.
use std::sync::Arc;

use tokio_postgres::Client;
use wh_base::Result;

use super::session::{Mode, Session, Shared};
use super::{errors, migrate};
use crate::codes;
use crate::config::PostgresUrls;

/// How far the stream is, and whether the cursor or the last event has a number that this server has not given yet: what a snapshot
/// shows was written by transactions before its `xmax`.
const STANDS: &str = "SELECT c.ordinal, c.xid::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) OR coalesce( \
     (SELECT o.xid FROM kernel_outbox o ORDER BY o.xid DESC, o.seq DESC LIMIT 1) \
     >= pg_snapshot_xmax(pg_current_snapshot()), false) AS beyond FROM kernel_cursor c WHERE c.name = 'stream'";
/// The cursor first: who delivers takes it before the tables. Under FORCE the owner would see no row.
const HOLD: &str = "BEGIN; SELECT 1 FROM kernel_cursor WHERE name = 'stream' FOR UPDATE; \
     ALTER TABLE kernel_outbox NO FORCE ROW LEVEL SECURITY; ALTER TABLE kernel_stream NO FORCE ROW LEVEL SECURITY";
/// What has its place lies before the cursor, what has none behind it in the order it was written, and whatever this server numbers (from
/// 3 on) behind both.
const ANEW: &str = "UPDATE kernel_outbox o SET xid = '0' WHERE EXISTS (SELECT 1 FROM kernel_stream s WHERE s.seq = o.seq); \
     UPDATE kernel_outbox o SET xid = '1' WHERE NOT EXISTS (SELECT 1 FROM kernel_stream s WHERE s.seq = o.seq); \
     UPDATE kernel_cursor SET xid = 0, seq = coalesce((SELECT max(o.seq) FROM kernel_outbox o WHERE o.xid = '0'), 0) \
     WHERE name = 'stream'";
const LET_GO: &str = "ALTER TABLE kernel_outbox FORCE ROW LEVEL SECURITY; \
     ALTER TABLE kernel_stream FORCE ROW LEVEL SECURITY";

/// How far the stream of events is, with numbers that are this server's.
pub(super) async fn stream_at_open(urls: &PostgresUrls, sys: &Arc<Shared>) -> Result<i64> {
    // Only the login for system jobs sees the events of all.
    let mut session = Session::open(sys, Mode::Read, None).await?;
    let rows = session.rows(STANDS, &[]).await?;
    let stands = rows.first().ok_or_else(|| codes::ROW_MISSING.error("the outbox has no cursor"))?;
    let (ordinal, beyond): (i64, bool) = (stands.get("ordinal"), stands.get("beyond"));
    session.rollback().await?;
    if beyond {
        renumber(urls).await?;
    }
    Ok(ordinal)
}

async fn renumber(urls: &PostgresUrls) -> Result<()> {
    let owner = migrate::alone(urls).await?;
    loop {
        let done = renumbered(&owner).await;
        let done = migrate::end(&owner, done).await;
        if !migrate::again("the new numbering of events", &done).await {
            return done;
        }
    }
}

async fn renumbered(owner: &Client) -> Result<()> {
    migrate::run(owner, HOLD).await?;
    let stands = owner.query_one(STANDS, &[]).await.map_err(errors::translate)?;
    // Another node may have done it while this one waited.
    if stands.get::<_, bool>("beyond") {
        tracing::warn!(
            "the events come from another PostgreSQL server; they are numbered anew, in the same order"
        );
        migrate::run(owner, ANEW).await?;
    }
    migrate::run(owner, LET_GO).await
}
