//! How the server is: starting, ready, draining; and whether what it stands on answers. Asks components; repairs nothing.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use uuid::Uuid;
use wh_base::{Error, Result};

use crate::codes;

/// A component that does not answer for so long is away.
const CHECK_MS_MAX: u64 = 2_000;
/// However often somebody asks, each component is asked no more often than this.
const FRESH_MS: u64 = 1_000;

/// Asked again and again: whether a component is well, and how long it took to answer, where that is known beforehand.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<Option<Duration>>> + Send + Sync>;

/// What becomes of requests while a component is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// None can be served.
    First,
    /// They are served; something beside them is not done.
    Second,
}

/// Which process this is of: several may serve one installation
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct NodeName {
    /// New at each start
    pub id: Uuid,
    /// The machine's name
    pub host: String,
}

/// Something the server stands on, or works with.
#[derive(Clone)]
pub struct Component {
    name: &'static str,
    rank: Rank,
    check: Check,
}

impl Component {
    /// A component without which no request can be served, under its name in answers: one word. It is asked, and that takes its time.
    pub fn new<F>(name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let check = Arc::new(move || check().map(|answer| answer.map(|()| None::<Duration>)).boxed());
        Self { name, rank: Rank::First, check }
    }

    /// A component of the second rank: without it requests are served, and the server says that it is degraded. How it is may be known
    /// without asking it; the check tells how long it took to answer, where it did.
    pub fn beside<F>(name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<Duration>>> + Send + 'static,
    {
        Self { name, rank: Rank::Second, check: Arc::new(move || check().boxed()) }
    }
}

/// How a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComponentState {
    /// It is well.
    Up,
    /// It is not, and no request can be served without it.
    Down,
    /// It is not; requests are served all the same.
    Degraded,
}

/// What a component answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ComponentHealth {
    /// Its name
    pub name: &'static str,
    /// How it is
    pub state: ComponentState,
    /// Milliseconds until it answered or was given up; nothing of one that is known without being asked
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Why it is not well: a code of the error table
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What to do about it
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It opens its database and what else it needs.
    Starting,
    /// It takes requests.
    Running,
    /// It ends what runs and takes nothing new.
    Draining,
}

/// How the server is, in one word: what `/health/ready` decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Requests can be served.
    Ready,
    /// Not yet.
    Starting,
    /// Not any more.
    Draining,
    /// A component is down.
    Unavailable,
}

/// The state of one server. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    node: NodeName,
    components: OnceLock<Vec<Component>>,
    draining: AtomicBool,
    /// Answers of the first rank, and of the second: readiness never waits for those.
    needed: Seen,
    beside: Seen,
}

/// Answers, and when they came.
type Seen = Mutex<Option<(Instant, Arc<Vec<ComponentHealth>>)>>;

impl Health {
    /// A server that starts, where nobody need tell it from another.
    pub fn starting() -> Self {
        Self::default()
    }

    /// A server that starts, under its name.
    pub fn starting_as(node: NodeName) -> Self {
        Self(Arc::new(Inner { node, ..Inner::default() }))
    }

    /// Which it is.
    pub fn node(&self) -> &NodeName {
        &self.0.node
    }

    /// From now on the server takes requests and stands on these components. Only the first call counts.
    /// From now on the server takes requests and stands on these components, or works with them. Only the first call counts.
    pub fn running(&self, components: Vec<Component>) {
        let _first = self.0.components.set(components);
    }

    /// From now on it takes nothing new.
    pub fn draining(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        if self.0.draining.load(Ordering::Acquire) {
            Phase::Draining
        } else if self.0.components.get().is_some() {
            Phase::Running
        } else {
            Phase::Starting
        }
    }

    /// What all components answered, at most a second ago: those without which nothing goes first.
    pub async fn components(&self) -> Vec<ComponentHealth> {
        let (needed, beside) = join(self.answers(Rank::First), self.answers(Rank::Second)).await;
        needed.iter().chain(beside.iter()).cloned().collect()
    }

    /// What the components of a rank answered, at most a second ago. Whoever asks meanwhile waits for the same answers.
    async fn answers(&self, rank: Rank) -> Arc<Vec<ComponentHealth>> {
        let Some(components) = self.0.components.get() else { return Arc::default() };
        let seen = match rank {
            Rank::First => &self.0.needed,
            Rank::Second => &self.0.beside,
        };
        let mut seen = seen.lock().await;
        if let Some((at, answers)) = &*seen
            && at.elapsed() < Duration::from_millis(FRESH_MS)
        {
            return Arc::clone(answers);
        }
        let asked = components.iter().filter(|component| component.rank == rank);
        let answers = Arc::new(join_all(asked.map(ask)).await);
        *seen = Some((Instant::now(), Arc::clone(&answers)));
        answers
    }

    /// Whether requests can be served, in one word.
    pub async fn readiness(&self) -> Readiness {
        match self.phase() {
            Phase::Starting => Readiness::Starting,
            Phase::Draining => Readiness::Draining,
            Phase::Running if down(&self.answers(Rank::First).await).is_empty() => Readiness::Ready,
            Phase::Running => Readiness::Unavailable,
        }
    }

    /// Nothing while requests can be served, otherwise why they cannot.
    pub(crate) async fn ready(&self) -> Result<()> {
        match self.phase() {
            Phase::Starting => Err(starting()),
            Phase::Draining => Err(codes::DRAINING.error("the server is being stopped").retry_after(1)),
            Phase::Running => {
                let down = down(&self.answers(Rank::First).await);
                if down.is_empty() {
                    return Ok(());
                }
                Err(codes::NOT_READY.error(down.join(", ")).retry_after(1))
            }
        }
    }
}

/// The refusal of everything while the server starts.
pub(crate) fn starting() -> Error {
    codes::STARTING.error("the server is starting").retry_after(1)
}

/// `database is down (db.away)`, for each that is.
fn down(components: &[ComponentHealth]) -> Vec<String> {
    let down = components.iter().filter(|component| component.state == ComponentState::Down);
    down.map(|component| format!("{} is down ({})", component.name, component.code.unwrap_or("silent")))
        .collect()
}

async fn ask(component: &Component) -> ComponentHealth {
    let started = Instant::now();
    let answer = tokio::time::timeout(Duration::from_millis(CHECK_MS_MAX), (component.check)()).await;
    let took = started.elapsed();
    let answer =
        answer.unwrap_or_else(|_| Err(codes::SILENT.error(format!("no answer within {CHECK_MS_MAX} ms"))));
    let (name, rank) = (component.name, component.rank);
    let latency = match (rank, &answer) {
        (Rank::First, _) => Some(took),
        (Rank::Second, Ok(latency)) => *latency,
        (Rank::Second, Err(_)) => None,
    };
    let error = answer.err();
    let state = match (&error, rank) {
        (None, _) => ComponentState::Up,
        (Some(_), Rank::First) => ComponentState::Down,
        (Some(_), Rank::Second) => ComponentState::Degraded,
    };
    if let Some(error) = &error {
        match rank {
            Rank::First => tracing::warn!(component = name, ?error, "a component is down"),
            // Whoever does its work has told it once, in the words of that work.
            Rank::Second => tracing::debug!(component = name, ?error, "a component is not well"),
        }
    }
    let up = if error.is_some() { 0.0 } else { 1.0 };
    metrics::gauge!(crate::edge::metrics::COMPONENT_UP, "component" => name).set(up);
    let code = error.as_ref().map(Error::code);
    ComponentHealth {
        name,
        state,
        latency_ms: latency.map(|latency| latency.as_micros() as f64 / 1000.0),
        code: code.map(|code| code.code),
        hint: code.map(|code| code.hint),
    }
}
