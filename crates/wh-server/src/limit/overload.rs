//! A turn for each operation: so many run at the same time as the machine can bear, some wait, the rest is told at once to
//! come again. The queue is short in time and not only in number: an answer that nobody waits for any more helps nobody.
//!
//! While somebody has been waiting without a break for as long as a burst may last, the machine does not keep up; then only
//! those are served who have waited shortly, which keeps the time to answer low and the machine at work.
//!
//! Short operations run on the threads that also read requests. With more of them than the threads can do, requests stand
//! in the sockets and among the runtime's ready tasks, where nobody counts them. So whoever has a turn steps aside while
//! tasks begin late: the others arrive, and the queue stands where it is counted.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge};
use tokio::sync::oneshot;
use wh_base::{Error, Result};

use super::pace::{Company, Limit, Pace};
use crate::config::{ServerConfig, ms};
use crate::edge::codes;

/// Operations that run now; label class.
pub(crate) const RUNNING: &str = "http_operations_running";
/// Operations that wait for their turn; label class.
pub(crate) const WAITING: &str = "http_operations_waiting";
/// How many may run at the same time as things are; label class.
pub(crate) const LIMIT: &str = "http_operations_limit";
/// Operations refused because there was too much to do; labels class, reason.
pub(crate) const SHED: &str = "http_operations_shed_total";

/// A task that begins so much later than it could shows that the threads have more to do than they can.
const LATE_NS: u64 = 500_000;
/// While nothing is late, one in so many operations looks whether it still is so.
const LOOKS: u32 = 16;

/// Those who are refused are told to come again after 1 to so many seconds, in turn: not all at the same moment.
pub(super) const RETRY_AFTER_S_MAX: u32 = 4;

/// What competes with one another. Nobody who is signed in stands in a queue with strangers, and no look behind a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Without sign-in: setup, sign-in, invitations.
    Open,
    /// Changes nothing.
    Read,
    /// Changes something.
    Change,
}

impl Class {
    const fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Change => "change",
        }
    }
}

/// The turns of all classes.
pub(crate) struct Overload {
    open: Arc<Gate>,
    read: Arc<Gate>,
    change: Arc<Gate>,
    lateness: Lateness,
}

impl Overload {
    /// None when the configuration switches it off.
    pub(crate) fn new(config: &ServerConfig) -> Option<Self> {
        let gate = |class| Arc::new(Gate::new(class, config));
        config.overload.then(|| Self {
            open: gate(Class::Open),
            read: gate(Class::Read),
            change: gate(Class::Change),
            lateness: Lateness::default(),
        })
    }

    /// Wait for a turn, and let those arrive who are already at the door.
    pub(crate) async fn turn(&self, class: Class) -> Result<Turn> {
        let gate = match class {
            Class::Open => &self.open,
            Class::Read => &self.read,
            Class::Change => &self.change,
        };
        let turn = gate.enter().await?;
        self.lateness.step_aside().await;
        Ok(turn)
    }
}

/// How late tasks begin at the moment.
#[derive(Default)]
struct Lateness {
    last_ns: AtomicU64,
    asked: AtomicU32,
}

impl Lateness {
    /// Let the runtime do what else is ready and read from its sockets, when there may be much of it.
    async fn step_aside(&self) {
        let is_late = self.last_ns.load(Ordering::Relaxed) > LATE_NS;
        if !is_late && !self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS) {
            return;
        }
        let began = Instant::now();
        tokio::task::yield_now().await;
        let late_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last_ns.store(late_ns, Ordering::Relaxed);
    }
}

/// The turns of one class.
struct Gate {
    class: Class,
    waiting_max: usize,
    /// How long a burst may last, and how long one may wait in it.
    wait_max: Duration,
    /// How long one may wait when the queue does not get empty any more.
    wait_target: Duration,
    state: Mutex<State>,
    refused: AtomicU32,
    figures: Figures,
}

struct State {
    running: u32,
    limit: Limit,
    waiting: VecDeque<Waiting>,
    /// Since when somebody has been waiting without a break.
    standing: Option<Instant>,
}

struct Waiting {
    since: Instant,
    turn: oneshot::Sender<Turn>,
}

struct Figures {
    running: Gauge,
    waiting: Gauge,
    limit: Gauge,
    full: Counter,
    late: Counter,
}

impl Figures {
    fn new(class: Class) -> Self {
        let class = class.label();
        Self {
            running: metrics::gauge!(RUNNING, "class" => class),
            waiting: metrics::gauge!(WAITING, "class" => class),
            limit: metrics::gauge!(LIMIT, "class" => class),
            full: metrics::counter!(SHED, "class" => class, "reason" => "full"),
            late: metrics::counter!(SHED, "class" => class, "reason" => "late"),
        }
    }
}

/// Takes one from the figure of those who wait, whatever becomes of them.
struct InQueue<'a>(&'a Gauge);

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Gate {
    fn new(class: Class, config: &ServerConfig) -> Self {
        let limit = Limit::new(config.overload_running_min, config.overload_running_max, Instant::now());
        let figures = Figures::new(class);
        figures.limit.set(f64::from(limit.places()));
        Self {
            class,
            waiting_max: config.overload_waiting_max as usize,
            wait_max: ms(config.overload_wait_ms_max),
            wait_target: ms(config.overload_wait_ms_target.min(config.overload_wait_ms_max)),
            state: Mutex::new(State { running: 0, limit, waiting: VecDeque::new(), standing: None }),
            refused: AtomicU32::new(0),
            figures,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn enter(self: &Arc<Self>) -> Result<Turn> {
        let turn = {
            let mut state = self.state();
            if state.waiting.is_empty() && state.running < state.limit.places() {
                state.running += 1;
                let company = if state.running == 1 { Company::Alone } else { Company::Others };
                return Ok(Turn::begin(self, company));
            }
            state.limit.full();
            if state.waiting.len() >= self.waiting_max {
                // Clients that left do not take the place of those who are there.
                state.waiting.retain(|waiting| !waiting.turn.is_closed());
            }
            if state.waiting.len() >= self.waiting_max {
                drop(state);
                self.figures.full.increment(1);
                return Err(self.refusal("the queue is full"));
            }
            let (turn, receiver) = oneshot::channel();
            let now = Instant::now();
            state.standing.get_or_insert(now);
            state.waiting.push_back(Waiting { since: now, turn });
            receiver
        };
        self.figures.waiting.increment(1.0);
        let _waiting = InQueue(&self.figures.waiting);
        if let Ok(Ok(turn)) = tokio::time::timeout(self.wait_max, turn).await {
            return Ok(turn);
        }
        self.figures.late.increment(1);
        Err(self.refusal("its turn did not come in time"))
    }

    fn refusal(&self, why: &str) -> Error {
        let seconds = 1 + self.refused.fetch_add(1, Ordering::Relaxed) % RETRY_AFTER_S_MAX;
        let class = self.class.label();
        codes::OVERLOADED
            .error(format!("too many operations of the kind `{class}` at the same time: {why}"))
            .retry_after(seconds)
    }

    /// Give turns to those who wait, as many as there are places.
    fn call(self: &Arc<Self>) {
        while let Some(next) = self.next() {
            // A client that leaves at this moment gives its turn back by dropping it.
            let _left = next.send(Turn::begin(self, Company::Others));
        }
    }

    /// The next one whose turn it is, already counted as running.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.state();
        let now = Instant::now();
        let stands = state.standing.is_some_and(|since| now.duration_since(since) > self.wait_max);
        let patience = if stands { self.wait_target } else { self.wait_max };
        while state.running < state.limit.places() {
            let Some(Waiting { since, turn }) = state.waiting.pop_front() else {
                state.standing = None;
                return None;
            };
            // Dropping it tells whoever waits that it is in vain.
            if turn.is_closed() || now.duration_since(since) > patience {
                continue;
            }
            if state.waiting.is_empty() {
                state.standing = None;
            }
            state.running += 1;
            return Some(turn);
        }
        None
    }
}

/// The right to run one operation; the next one's turn comes when it is dropped.
pub(crate) struct Turn {
    gate: Arc<Gate>,
    began: Instant,
    company: Company,
}

impl Turn {
    fn begin(gate: &Arc<Gate>, company: Company) -> Self {
        gate.figures.running.increment(1.0);
        Self { gate: gate.clone(), began: Instant::now(), company }
    }

    /// It ended well: how long it took says how much the machine can bear. Without this nothing is learned.
    pub(crate) fn succeeded(self, pace: &Pace) {
        let now = Instant::now();
        let took_ns = u64::try_from(now.duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        let usual_ns = pace.learn(took_ns, self.company);
        let mut state = self.gate.state();
        let before = state.limit.places();
        state.limit.took(took_ns, usual_ns, now);
        let after = state.limit.places();
        drop(state);
        if before != after {
            self.gate.figures.limit.set(f64::from(after));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.figures.running.decrement(1.0);
        {
            let mut state = self.gate.state();
            state.running = state.running.saturating_sub(1);
        }
        self.gate.call();
    }
}
