//! The one writer: lent to one transaction at a time, each in a savepoint of a shared transaction that is committed, and so made
//! durable, on a thread of its own. Whoever was lent it in between hears of the commit when it has happened.
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use wh_base::{Error, Result};

use super::connection::{Connection, Use};
use super::lease::{Lease, Loan, Write};
use crate::engine::{AfterCommit, Scope};
use crate::{DbLimits, codes};

/// Transactions that share one commit.
const GROUP_MAX: usize = 512;
/// A group that is open this long is committed though others wait to join it.
const GROUP_AGE_MAX: Duration = Duration::from_millis(10);
/// A task that was lent the writer and does not run within this time loses it.
const ACCEPT_MAX: Duration = Duration::from_secs(5);

/// Who hears of the shared commit.
pub(super) struct Ack {
    pub answer: oneshot::Sender<Result<()>>,
    pub after: AfterCommit,
}

/// Transactions that are done and wait for the shared commit.
pub(super) struct Group {
    pub used_for: Use,
    pub acks: Vec<Ack>,
    opened: Instant,
}

struct Waiter {
    used_for: Use,
    tell: oneshot::Sender<Loan>,
}

#[derive(Default)]
pub(super) struct State {
    walled: Option<Box<Connection>>,
    system: Option<Box<Connection>>,
    /// The open outer transaction.
    pub group: Option<Group>,
    pub lent: Option<Arc<Lease>>,
    waiters: VecDeque<Waiter>,
    /// The group is the committer's now.
    pub closing: bool,
    /// The committer sleeps without an alarm.
    pub asleep: bool,
    pub stop: bool,
}

impl State {
    pub(super) fn home(&mut self, used_for: Use) -> &mut Option<Box<Connection>> {
        match used_for {
            Use::Walled => &mut self.walled,
            Use::System => &mut self.system,
        }
    }

    pub(super) fn bring_home(&mut self, connection: Box<Connection>) {
        let used_for = connection.used_for;
        *self.home(used_for) = Some(connection);
    }
}

pub(super) struct Writer {
    state: Mutex<State>,
    /// Wakes the committer.
    pub bell: Condvar,
    pub limits: DbLimits,
    /// Wakes the outbox.
    pub outbox: Notify,
}

impl Writer {
    pub(super) fn new(walled: Connection, system: Connection, limits: DbLimits) -> Self {
        let state =
            State { walled: Some(Box::new(walled)), system: Some(Box::new(system)), ..State::default() };
        Self { state: Mutex::new(state), bell: Condvar::new(), limits, outbox: Notify::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn held_max(&self) -> Duration {
        Duration::from_millis(self.limits.held_ms_max)
    }

    /// Be lent the writer: at once, or when it is one's turn.
    pub(super) async fn begin(self: &Arc<Self>, scope: Scope) -> Result<Write> {
        tokio::task::coop::consume_budget().await;
        let used_for = if scope == Scope::System { Use::System } else { Use::Walled };
        let queued = {
            let mut state = self.state();
            if let Some(loan) = self.lend_at_once(&mut state, used_for) {
                drop(state);
                return Write::enter(loan, scope);
            }
            if state.waiters.len() >= self.limits.queue_max {
                return Err(codes::BUSY.error("the writer's queue is full").retry_after(1));
            }
            let (tell, queued) = oneshot::channel();
            state.waiters.push_back(Waiter { used_for, tell });
            queued
        };
        match tokio::time::timeout(Duration::from_millis(self.limits.wait_ms_max), queued).await {
            Ok(Ok(loan)) => Write::enter(loan, scope),
            Ok(Err(_)) => Err(codes::AWAY.error("the database is being closed")),
            Err(_) => Err(codes::BUSY.error("the writer was not to be had in time").retry_after(1)),
        }
    }

    fn lend_at_once(self: &Arc<Self>, state: &mut State, used_for: Use) -> Option<Loan> {
        let joins = state.group.as_ref().is_none_or(|group| group.used_for == used_for);
        if state.lent.is_some() || state.closing || !state.waiters.is_empty() || !joins {
            return None;
        }
        self.lend(state, used_for)
    }

    /// Take the connection out of its home. None only when it was lost, which its answer says to whoever asks.
    fn lend(self: &Arc<Self>, state: &mut State, used_for: Use) -> Option<Loan> {
        let connection = state.home(used_for).take()?;
        state.group.get_or_insert_with(|| Group { used_for, acks: Vec::new(), opened: Instant::now() });
        let lease = Arc::new(Lease::new(connection, Instant::now() + ACCEPT_MAX));
        state.lent = Some(Arc::clone(&lease));
        if state.asleep {
            state.asleep = false;
            self.bell.notify_one();
        }
        Some(Loan::new(lease, Arc::clone(self)))
    }

    /// The connection comes back, with a transaction to be acknowledged or without.
    pub(super) fn give_back(self: &Arc<Self>, connection: Box<Connection>, done: Option<Ack>) {
        let mut state = self.state();
        state.lent = None;
        if connection.raw.is_autocommit() {
            // An error took the shared transaction with it: nobody in it was acknowledged, all may try again.
            if let Some(group) = state.group.take() {
                refuse(group.acks, &codes::RETRY, "the shared transaction was rolled back");
            }
        }
        state.bring_home(connection);
        if let (Some(ack), Some(group)) = (done, state.group.as_mut()) {
            group.acks.push(ack);
        }
        self.next(&mut state);
    }

    /// Who is next: a waiter who can join, or the committer.
    pub(super) fn next(self: &Arc<Self>, state: &mut State) {
        while !state.closing && state.lent.is_none() {
            let front = state.waiters.front().map(|waiter| waiter.used_for);
            if let Some(group) = &state.group {
                let full = !group.acks.is_empty()
                    && (group.acks.len() >= GROUP_MAX || group.opened.elapsed() >= GROUP_AGE_MAX);
                if full || front != Some(group.used_for) {
                    self.close(state);
                    continue;
                }
            }
            let Some(waiter) = state.waiters.pop_front() else { return };
            let Some(loan) = self.lend(state, waiter.used_for) else { return };
            if let Err(unwanted) = waiter.tell.send(loan) {
                // It has gone away meanwhile.
                state.lent = None;
                if let Some(connection) = unwanted.take_back() {
                    state.bring_home(connection);
                }
            }
        }
    }

    /// Hand the group to the committer; one without anything to commit just ends.
    fn close(&self, state: &mut State) {
        if state.group.as_ref().is_some_and(|group| !group.acks.is_empty()) {
            state.closing = true;
            self.bell.notify_one();
            return;
        }
        let Some(group) = state.group.take() else { return };
        if let Some(connection) = state.home(group.used_for)
            && !connection.raw.is_autocommit()
            && let Err(cause) = connection.control("ROLLBACK")
        {
            tracing::error!(%cause, "an empty group could not be rolled back");
        }
    }
}

/// Tell everybody in a group that it did not happen.
pub(super) fn refuse(acks: Vec<Ack>, code: &'static wh_base::ErrorCode, why: &str) {
    for ack in acks {
        let error: Error = code.error(why).retry_after(1);
        // Whoever does not listen any more needs no answer.
        let _ = ack.answer.send(Err(error));
    }
}
