//! The writer in somebody's hands: a savepoint, a time limit, and what happens when the hands are gone.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use wh_base::{Error, Result};

use super::connection::{Connection, Limits};
use super::errors::translate;
use super::session::Stopped;
use super::writer::{Ack, Writer};
use crate::engine::{AfterCommit, Scope};
use crate::text::Checked;
use crate::{Row, Value, codes};

/// A statement that writes no row and does not end is cut off after so many times the lent time, at the cost of its group.
const END_AFTER_TIMES: u32 = 10;

enum Slot {
    Held {
        connection: Box<Connection>,
        due: Instant,
        limits: Option<Limits>,
    },
    /// Taken away: the time was up.
    Expired,
    /// Given back.
    Over,
}

/// The connection while it is lent, where both its holder and the committer's watch can take it from.
pub(super) struct Lease {
    slot: Mutex<Slot>,
}

impl Lease {
    pub(super) fn new(connection: Box<Connection>, due: Instant) -> Self {
        Self { slot: Mutex::new(Slot::Held { connection, due, limits: None }) }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it must be back. None while a statement runs, which has limits of its own.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.slot.try_lock().as_deref() {
            Ok(Slot::Held { due, .. }) => Some(*due),
            _ => None,
        }
    }

    /// Take the connection out, if it is still there, and say whether anything was begun on it.
    fn take(&self, left: Slot) -> Option<(Box<Connection>, Begun)> {
        let mut slot = self.slot();
        match std::mem::replace(&mut *slot, left) {
            Slot::Held { connection, limits: Some(_), .. } => Some((connection, Begun::Yes)),
            Slot::Held { connection, limits: None, .. } => Some((connection, Begun::No)),
            before @ (Slot::Expired | Slot::Over) => {
                *slot = before;
                None
            }
        }
    }

    /// The time is up: undo it and let the next one go ahead.
    pub(super) fn expire(&self, writer: &Arc<Writer>) {
        if let Some((connection, begun)) = self.take(Slot::Expired) {
            // A loan that nobody took up has no savepoint of its own: an undo would be that of the whole group.
            if begun == Begun::Yes {
                undo(&connection);
            }
            writer.give_back(connection, None);
        }
    }
}

/// Whether the holder of a lease has begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Yes,
    No,
}

fn undo(connection: &Connection) {
    if connection.raw.is_autocommit() {
        return;
    }
    let undone = connection.control("ROLLBACK TO one").and_then(|()| connection.control("RELEASE one"));
    if let Err(cause) = undone {
        // What could not be undone alone must not be committed with the others: the group is lost, and told to try again.
        tracing::warn!(%cause, "a change could not be undone alone; its group is rolled back");
        if let Err(cause) = connection.control("ROLLBACK") {
            tracing::error!(%cause, "a group of changes could not be rolled back");
        }
    }
}

/// The writer on its way to a waiter. Dropped on the way, it goes back.
pub(super) struct Loan {
    lease: Option<Arc<Lease>>,
    writer: Arc<Writer>,
}

impl Loan {
    pub(super) fn new(lease: Arc<Lease>, writer: Arc<Writer>) -> Self {
        Self { lease: Some(lease), writer }
    }

    /// For the writer itself, whose lock is held: the drop below would wait for it.
    pub(super) fn take_back(mut self) -> Option<Box<Connection>> {
        self.lease.take().and_then(|lease| lease.take(Slot::Over)).map(|(connection, _)| connection)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some((connection, _)) = self.lease.take().and_then(|lease| lease.take(Slot::Over)) {
            self.writer.give_back(connection, None);
        }
    }
}

/// An open writing transaction.
pub(crate) struct Write {
    lease: Arc<Lease>,
    writer: Arc<Writer>,
}

impl Write {
    /// Open the shared transaction if nobody did, and a savepoint in it.
    pub(super) fn enter(mut loan: Loan, scope: Scope) -> Result<Self> {
        let Some(lease) = loan.lease.take() else { return Err(codes::AWAY.error("the writer is gone")) };
        let write = Self { lease, writer: Arc::clone(&loan.writer) };
        let now = Instant::now();
        let held = write.writer.held_max();
        let by = now + held;
        let limits = Limits { read_by: by, write_by: by, end_by: now + held * END_AFTER_TIMES };
        let entered = {
            let mut slot = write.lease.slot();
            match &mut *slot {
                Slot::Held { connection, due, limits: own } => {
                    (*due, *own) = (by, Some(limits));
                    let tenant = if let Scope::Tenant(tenant) = scope { Some(tenant) } else { None };
                    connection.session.set_tenant(tenant);
                    let begin = if connection.raw.is_autocommit() {
                        connection.control("BEGIN IMMEDIATE")
                    } else {
                        Ok(())
                    };
                    begin.and_then(|()| connection.control("SAVEPOINT one")).map_err(translate)
                }
                Slot::Expired | Slot::Over => Err(too_long()),
            }
        };
        entered.map(|()| write)
    }

    /// Run something on the connection. After an error the transaction is over: it is undone at once, so that nobody waits for it.
    fn with<T>(&self, run: impl FnOnce(&Connection, Limits) -> Result<T>) -> Result<T> {
        let mut slot = self.lease.slot();
        let (connection, limits) = match &*slot {
            Slot::Held { connection, limits: Some(limits), .. } => (connection, *limits),
            Slot::Expired => return Err(too_long()),
            Slot::Held { limits: None, .. } | Slot::Over => {
                return Err(codes::POISONED.error("the transaction is over"));
            }
        };
        let late = Instant::now() >= limits.read_by;
        let answer = if late { Err(too_long()) } else { run(connection, limits) };
        let answer = answer.map_err(|error| match connection.session.stopped() {
            Stopped::TimeUp if error.is(&codes::STATEMENT_SLOW) => too_long(),
            _ => error,
        });
        if answer.is_err()
            && let Slot::Held { connection, .. } = std::mem::replace(&mut *slot, Slot::Over)
        {
            drop(slot);
            undo(&connection);
            self.writer.give_back(connection, None);
        }
        answer
    }

    pub(crate) fn rows(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<Vec<Row>> {
        self.with(|connection, limits| connection.rows(sql, args, limits))
    }

    pub(crate) fn count(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<u64> {
        self.with(|connection, limits| connection.count(sql, args, limits))
    }

    pub(crate) fn many(&mut self, sql: &Arc<Checked>, values: &[Vec<Value>]) -> Result<()> {
        self.with(|connection, limits| connection.many(sql, values, limits))
    }

    pub(crate) async fn commit(self, after: AfterCommit) -> Result<()> {
        self.with(|connection, _| connection.control("RELEASE one").map_err(translate))?;
        let Some((connection, _)) = self.lease.take(Slot::Over) else { return Err(too_long()) };
        let (answer, done) = oneshot::channel();
        self.writer.give_back(connection, Some(Ack { answer, after }));
        done.await
            .map_err(|cause| codes::COMMIT_UNKNOWN.caused("the writer ended without a word of it", cause))?
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some((connection, _)) = self.lease.take(Slot::Over) {
            undo(&connection);
            self.writer.give_back(connection, None);
        }
    }
}

fn too_long() -> Error {
    codes::HELD_TOO_LONG.error("the transaction was open longer than others may wait").retry_after(1)
}
