//! One transaction on one connection: prologue in the first packet, poison after the first error, safe when
//! dropped at any moment. Knows no table.
mod pipeline;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::{Client, Object, Pool};
use futures_util::FutureExt;
use tokio_postgres::Row;
use tokio_postgres_rustls::MakeRustlsConnect;
use wh_base::{Error, Result, Served};
use wh_contract::TenantId;

use super::{connect, errors};
use crate::config::DbLimits;
use crate::{Value, codes};
use pipeline::{Failure, Way, bound, execute, in_order, parameters, send_then_commit, with_prologue};

/// The tenant of the transaction; row security compares every row with it. `true` = until the transaction
/// ends.
pub(super) const SET_TENANT: &str = "SELECT set_config('app.tenant_id', $1, true)";
/// Statements kept prepared on one connection. Texts are constants of the program, so more than this means
/// that some are built.
const PREPARED_MAX: usize = 500;
/// How many statements of one call travel together.
const PIPELINED_MAX: usize = 100;
/// A server that honours `statement_timeout` answers earlier; one that does not answer by then is gone.
const ANSWER_GRACE_MS: u64 = 5_000;
/// An abandoned statement that ends by itself within this time costs nothing; a longer one is cancelled.
const ABANDONED_GRACE_MS: u64 = 50;
/// How long cancelling may take before the connection is thrown away regardless.
const CANCEL_MS_MAX: u64 = 5_000;

/// How a transaction starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One snapshot for all its statements, as a reader on SQLite has.
    Read,
    /// Each statement sees what was committed before it.
    Write,
}

impl Mode {
    const fn begin(self) -> &'static str {
        match self {
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    Fresh,
    /// `BEGIN` was sent.
    Open,
    /// A statement failed; the server refuses all that follow, and so do we.
    Poisoned,
    /// Committed or rolled back, and the server said so.
    Closed,
}

/// What all sessions of a pool share.
pub(super) struct Shared {
    pub(super) pool: Pool,
    pub(super) tls: MakeRustlsConnect,
    pub(super) limits: DbLimits,
    /// Who waits for a connection now.
    pub(super) waiting: AtomicUsize,
}

/// An open transaction.
pub(super) struct Session {
    shared: Arc<Shared>,
    /// Taken only by `drop`.
    client: Option<Client>,
    mode: Mode,
    tenant: Option<TenantId>,
    state: State,
    /// A statement was sent and its answer has not come: true in `drop` only when its future was dropped.
    in_flight: bool,
    /// Rows of the kernel that travel with `COMMIT`.
    later: Vec<(String, Vec<Value>)>,
}

impl Session {
    /// Take a connection. Nothing is sent before the first statement.
    pub(super) async fn open(shared: &Arc<Shared>, mode: Mode, tenant: Option<TenantId>) -> Result<Self> {
        let client = take(shared).await?;
        if client.statement_cache.size() > PREPARED_MAX {
            client.statement_cache.clear();
        }
        let shared = Arc::clone(shared);
        Ok(Self {
            shared,
            client: Some(client),
            mode,
            tenant,
            state: State::Fresh,
            in_flight: false,
            later: Vec::new(),
        })
    }

    pub(super) async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        let (client, way) = self.enter()?;
        let statement = async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, &parameters(&bound(args))).await
        };
        let answer = with_prologue(client, &way, statement).await;
        self.leave(sql, answer)
    }

    pub(super) async fn count(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        let (client, way) = self.enter()?;
        let statement = async {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &parameters(&bound(args))).await
        };
        let answer = with_prologue(client, &way, statement).await;
        self.leave(sql, answer)
    }

    /// The same statement with many values, a packet's worth at a time.
    pub(super) async fn many(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<()> {
        for chunk in values.chunks(PIPELINED_MAX) {
            let (client, way) = self.enter()?;
            let statements = async {
                let statement = client.prepare_cached(sql).await?;
                let sent = chunk.iter().map(|args| execute(client, &statement, args)).collect();
                in_order(sent).await.into_iter().try_for_each(|answer| answer.map(|_| ()))
            };
            let answer = with_prologue(client, &way, statements).await;
            self.leave(sql, answer)?;
        }
        Ok(())
    }

    /// A statement of the kernel that is sent in the same packet as `COMMIT`.
    pub(super) fn later(&mut self, sql: String, args: Vec<Value>) -> Result<()> {
        self.usable()?;
        self.later.push((sql, args));
        Ok(())
    }

    /// Make it durable. The kernel's rows and `COMMIT` travel together; a row that cannot be sent holds
    /// `COMMIT` back. Once it is sent and the connection ends without its answer, nobody knows whether it was done.
    pub(super) async fn commit(mut self) -> Result<()> {
        self.usable()?;
        if self.state == State::Fresh && self.later.is_empty() {
            return Ok(());
        }
        let later = std::mem::take(&mut self.later);
        let (client, way) = self.enter()?;
        let asked = AtomicBool::new(false);
        let last = async {
            let mut statements = Vec::with_capacity(later.len());
            for (sql, _) in &later {
                statements.push(client.prepare_cached(sql).await?);
            }
            let sent =
                later.iter().zip(&statements).map(|((_, args), statement)| execute(client, statement, args));
            send_then_commit(client, sent.collect(), &asked).await
        };
        let answer = with_prologue(client, &way, last).await;
        let asked = asked.load(Ordering::Relaxed);
        self.leave("COMMIT", answer)
            .map_err(|error| if asked && error.is(&codes::AWAY) { unknown(&error) } else { error })?;
        self.state = State::Closed;
        Ok(())
    }

    /// Undo it and wait until it is undone.
    pub(super) async fn rollback(mut self) -> Result<()> {
        if matches!(self.state, State::Fresh | State::Closed) {
            return Ok(());
        }
        self.in_flight = true;
        let limit = Duration::from_millis(ANSWER_GRACE_MS);
        let answer = match &self.client {
            Some(client) => tokio::time::timeout(limit, client.batch_execute("ROLLBACK")).await,
            None => return Ok(()),
        };
        let Ok(answer) = answer else {
            return Err(codes::AWAY.error("the database did not answer a rollback"));
        };
        self.in_flight = false;
        answer.map_err(errors::translate)?;
        self.state = State::Closed;
        Ok(())
    }

    /// Every statement starts here: the connection, and what must travel before the statement.
    fn enter(&mut self) -> Result<(&Client, Way)> {
        self.usable()?;
        let way = Way {
            begin: (self.state == State::Fresh).then_some(self.mode),
            tenant: self.tenant,
            limit: Duration::from_millis(self.shared.limits.statement_ms_max + ANSWER_GRACE_MS),
        };
        self.state = State::Open;
        self.in_flight = true;
        match &self.client {
            Some(client) => Ok((client, way)),
            None => Err(codes::POISONED.error("the transaction is over")),
        }
    }

    /// And ends here: an error poisons the transaction.
    fn leave<T>(&mut self, sql: &str, answer: Result<T, Failure>) -> Result<T> {
        if !matches!(answer, Err(Failure::Silence)) {
            self.in_flight = false;
        }
        answer.map_err(|failure| {
            self.state = State::Poisoned;
            match failure {
                Failure::Silence => codes::AWAY.error("the database did not answer in time").retry_after(1),
                Failure::Answer(error) => {
                    let error = errors::translate(error);
                    if error.is(&codes::RETRY)
                        && let Some(client) = &self.client
                    {
                        client.statement_cache.remove(sql, &[]);
                    }
                    error
                }
            }
        })
    }

    fn usable(&self) -> Result<(), Error> {
        match self.state {
            State::Fresh | State::Open => Ok(()),
            State::Poisoned | State::Closed => {
                Err(codes::POISONED.error("a statement of this transaction failed before; begin a new one"))
            }
        }
    }
}

/// A connection, waiting for one only in a queue that has an end.
async fn take(shared: &Shared) -> Result<Client> {
    struct Waits<'a>(&'a AtomicUsize);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let waits = shared.waiting.fetch_add(1, Ordering::Relaxed);
    let _waits = Waits(&shared.waiting);
    if waits >= shared.limits.queue_max + shared.limits.connections_max {
        return Err(codes::BUSY.error("the queue for a connection to the database is full").retry_after(1));
    }
    shared.pool.get().await.map_err(connect::unavailable)
}

/// A commit without an answer. No time to try again: the same change might be made twice.
fn unknown(lost: &Error) -> Error {
    codes::COMMIT_UNKNOWN.caused("the commit was sent and its answer did not come", format!("{lost:?}"))
}

impl Drop for Session {
    /// A connection never goes back to the pool inside a transaction. Between statements a `ROLLBACK` is sent
    /// on the spot, and whoever gets the connection next is answered after it. During a statement a task
    /// takes over.
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if matches!(self.state, State::Fresh | State::Closed) && !self.in_flight {
            return;
        }
        if !self.in_flight {
            match client.batch_execute("ROLLBACK").now_or_never() {
                None | Some(Ok(())) => {}
                Some(Err(_)) => discard(client),
            }
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                drop(runtime.spawn(Served::current().within(rescue(client, self.shared.tls.clone()))));
            }
            Err(_) => discard(client),
        }
    }
}

/// An abandoned statement: let it end if it is about to, otherwise cancel it. After a cancel the connection
/// is thrown away, because the cancel may arrive late and would hit whatever runs there next.
async fn rescue(client: Client, tls: MakeRustlsConnect) {
    let rollback = client.batch_execute("ROLLBACK");
    if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(ABANDONED_GRACE_MS), rollback).await {
        return;
    }
    let cancel = client.cancel_token();
    let cancelling = tokio::time::timeout(Duration::from_millis(CANCEL_MS_MAX), cancel.cancel_query(tls));
    match cancelling.await {
        Ok(Ok(())) => tracing::debug!("an abandoned statement was cancelled"),
        Ok(Err(error)) => tracing::warn!(%error, "an abandoned statement could not be cancelled"),
        Err(_) => tracing::warn!("an abandoned statement could not be cancelled in time"),
    }
    discard(client);
}

/// Take the connection out of the pool and close it; the server then rolls back by itself.
fn discard(client: Client) {
    drop(Object::take(client));
}
