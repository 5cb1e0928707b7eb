//! How statements travel: together in one packet, answered in order, waited for only so long. Keeps no state of
//! a transaction.
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::Client;
use futures_util::future::{MaybeDone, maybe_done};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use wh_base::Result;
use wh_contract::TenantId;

use super::{Mode, SET_TENANT};
use crate::Value;
use crate::postgres::bind::Bound;

/// How a statement travels.
pub(super) struct Way {
    /// Only the first of a transaction: `BEGIN` in this mode goes before it.
    pub(super) begin: Option<Mode>,
    pub(super) tenant: Option<TenantId>,
    pub(super) limit: Duration,
}

/// Why a statement has no result.
pub(super) enum Failure {
    Answer(tokio_postgres::Error),
    Silence,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Answer(error)
    }
}

/// `BEGIN`, the tenant and the statement in one packet: futures that are polled one after the other before
/// any of them waits are sent together and answered in order.
pub(super) async fn with_prologue<T>(
    client: &Client,
    way: &Way,
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failure> {
    let all = async {
        let Some(mode) = way.begin else { return Ok(statement.await?) };
        // Prepared when the connection was made; were it not, this waits, so that the tenant is never sent
        // late.
        let tenant = match way.tenant {
            Some(tenant) => Some((client.prepare_cached(SET_TENANT).await?, Value::Text(tenant.to_string()))),
            None => None,
        };
        let begin = client.batch_execute(mode.begin());
        let set = async {
            match &tenant {
                Some((sql, tenant)) => client.execute(sql, &[&Bound(tenant)]).await.map(|_| ()),
                None => Ok(()),
            }
        };
        let (begun, set, answer) = futures_util::future::join3(begin, set, statement).await;
        begun?;
        set?;
        Ok(answer?)
    };
    tokio::time::timeout(way.limit, all).await.unwrap_or(Err(Failure::Silence))
}

/// Send all; only when none was refused on our side send `COMMIT` right behind, and note that it was asked for; then
/// read the answers. A statement that fails on the server turns the `COMMIT` behind it into a rollback.
pub(super) async fn send_then_commit<F>(
    client: &Client,
    statements: Vec<F>,
    asked: &AtomicBool,
) -> Result<(), tokio_postgres::Error>
where
    F: Future<Output = Result<u64, tokio_postgres::Error>>,
{
    let mut sent: Vec<_> = statements.into_iter().map(|statement| Box::pin(maybe_done(statement))).collect();
    poll_fn(|cx| {
        for statement in &mut sent {
            let _ = statement.as_mut().poll(cx);
        }
        Poll::Ready(())
    })
    .await;
    for statement in &mut sent {
        if matches!(**statement, MaybeDone::Done(Err(_)))
            && let Some(answer) = statement.as_mut().take_output()
        {
            return answer.map(|_| ());
        }
    }
    let commit = async {
        // Over a connection that has ended nothing goes out.
        asked.store(!client.is_closed(), Ordering::Relaxed);
        client.batch_execute("COMMIT").await
    };
    let (answers, committed) = futures_util::future::join(finish(sent), commit).await;
    answers.into_iter().try_for_each(|answer| answer.map(|_| ()))?;
    committed
}

/// Poll all in order until all are done: sent in order, answered in order.
pub(super) async fn in_order<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    finish(futures.into_iter().map(|future| Box::pin(maybe_done(future))).collect()).await
}

async fn finish<F: Future>(mut futures: Vec<Pin<Box<MaybeDone<F>>>>) -> Vec<F::Output> {
    poll_fn(|cx| {
        let waiting = futures
            .iter_mut()
            .filter_map(|future| future.as_mut().poll(cx).is_pending().then_some(()))
            .count();
        if waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.iter_mut().filter_map(|future| future.as_mut().take_output()).collect()
}

pub(super) async fn execute(
    client: &Client,
    statement: &Statement,
    args: &[Value],
) -> Result<u64, tokio_postgres::Error> {
    client.execute(statement, &parameters(&bound(args))).await
}

pub(super) fn bound(args: &[Value]) -> Vec<Bound<'_>> {
    args.iter().map(Bound).collect()
}

pub(super) fn parameters<'a>(bound: &'a [Bound<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
