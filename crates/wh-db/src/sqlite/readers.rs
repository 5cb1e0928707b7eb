//! Parallel readers: each reading transaction has a connection and its snapshot. A short statement runs where it is asked for; one
//! that takes longer moves to a thread that may wait.
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, coop, spawn_blocking};
use wh_base::{Error, Result, Served};

use super::connection::{Connection, Limits, Mode, Use};
use super::errors::translate;
use super::session::Session;
use super::walls::Walls;
use crate::engine::Scope;
use crate::text::Checked;
use crate::{DbLimits, Row, Value, codes};

/// A statement may hold up its async worker this long; then it starts again on a thread of its own.
const INLINE_BUDGET: Duration = Duration::from_millis(2);

/// The readers of a file, opened as they are needed.
pub(super) struct Readers {
    path: PathBuf,
    walls: Arc<Walls>,
    limits: DbLimits,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Box<Connection>>>,
    idle_system: Mutex<Vec<Box<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, walls: Arc<Walls>, limits: DbLimits) -> Self {
        Self {
            path,
            walls,
            limits,
            permits: Arc::new(Semaphore::new(limits.connections_max.max(1))),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            idle_system: Mutex::default(),
        }
    }

    fn idle(&self, used_for: Use) -> &Mutex<Vec<Box<Connection>>> {
        match used_for {
            Use::Walled => &self.idle,
            Use::System => &self.idle_system,
        }
    }

    pub(super) async fn read(self: &Arc<Self>, scope: Scope) -> Result<Read> {
        let permit = self.permit().await?;
        let used_for = if scope == Scope::System { Use::System } else { Use::Walled };
        let idle = self.idle(used_for).lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let own = Arc::clone(self);
                let open = move || {
                    Connection::open(&own.path, &own.walls, used_for, Mode::Reader, own.limits.file_bytes_max)
                        .map(Box::new)
                };
                spawn_blocking(open).await.map_err(gone)??
            }
        };
        let tenant = if let Scope::Tenant(tenant) = scope { Some(tenant) } else { None };
        connection.session.set_tenant(tenant);
        connection.control("BEGIN").map_err(translate)?;
        Ok(Read {
            seat: Some(Seat { connection: Some(connection), readers: Arc::clone(self), _permit: permit }),
        })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limits.queue_max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(busy("the readers' queue is full"));
        }
        let queued = Queued(&self.waiting);
        let limit = Duration::from_millis(self.limits.wait_ms_max);
        let permit = tokio::time::timeout(limit, Arc::clone(&self.permits).acquire_owned()).await;
        drop(queued);
        permit.map_err(|_| busy("every reader is in use"))?.map_err(gone)
    }
}

fn busy(why: &str) -> Error {
    codes::BUSY.error(why).retry_after(1)
}

fn gone(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    codes::AWAY.caused("the database is being closed", cause)
}

/// Counts itself out, also when its future is dropped.
struct Queued<'a>(&'a AtomicUsize);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection in use; dropped, its transaction ends and it goes back.
struct Seat {
    connection: Option<Box<Connection>>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn rows(&self, sql: &Arc<Checked>, args: &[Value], budget: Duration) -> Result<Vec<Row>> {
        match &self.connection {
            Some(connection) => connection.rows(sql, args, Limits::reading(Instant::now() + budget)),
            None => Err(codes::POISONED.error("the transaction is over")),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.raw.is_autocommit() || connection.control("COMMIT").is_ok() {
            let idle = self.readers.idle(connection.used_for);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

/// An open reading transaction.
pub(crate) struct Read {
    /// None while, or after, a statement was abandoned on its thread.
    seat: Option<Seat>,
}

/// A statement on a thread of its own. Dropped before its answer, it is stopped; the connection goes back only behind
/// that, because the task's answer holds it until the handle is gone: nobody else's statement can be hit.
struct Elsewhere {
    task: JoinHandle<(Seat, Result<Vec<Row>>)>,
    session: Option<Arc<Session>>,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.abandon();
        }
    }
}

impl Read {
    pub(crate) async fn rows(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<Vec<Row>> {
        coop::consume_budget().await;
        let over = || codes::POISONED.error("the transaction is over");
        let seat = self.seat.as_ref().ok_or_else(over)?;
        let whole = Duration::from_millis(seat.readers.limits.statement_ms_max);
        match seat.rows(sql, args, INLINE_BUDGET.min(whole)) {
            Err(error) if error.is(&codes::STATEMENT_SLOW) && whole > INLINE_BUDGET => {}
            answer => return answer,
        }
        let seat = self.seat.take().ok_or_else(over)?;
        let session = seat.connection.as_ref().map(|connection| Arc::clone(&connection.session));
        let (sql, args) = (Arc::clone(sql), args.to_vec());
        let task = spawn_blocking(Served::carried(move || {
            let answer = seat.rows(&sql, &args, whole);
            (seat, answer)
        }));
        let mut elsewhere = Elsewhere { task, session };
        let (seat, answer) = (&mut elsewhere.task).await.map_err(gone)?;
        elsewhere.session = None;
        self.seat = Some(seat);
        answer
    }
}
