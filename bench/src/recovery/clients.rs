//! Clients that change something at a steady pace, whatever they are told, and remember what was acknowledged.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::client::request;
use crate::session::Session;

/// Who hears nothing of the kind for so long does not wait any more.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is changed, each time anew.
#[derive(Clone)]
pub enum Change {
    /// A further panel: the database alone.
    Panel,
    /// Further rows in this panel: objects, and the database.
    Import(String),
}

/// What the import of this name brings.
pub fn rows_of(name: &str) -> String {
    format!("carrier,delay,change\nUA,3,{name}\nAA,4,{name}\n")
}

/// Some of them, all of one kind.
pub struct Clients {
    told: UnboundedReceiver<Word>,
    acknowledged: Vec<String>,
    over: Arc<AtomicBool>,
    running: JoinSet<Result<()>>,
}

/// What one was told of one change.
struct Word {
    at: Instant,
    title: String,
    end: End,
}

/// How a change ended for its client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Acknowledged,
    Refused,
}

impl Clients {
    /// Let so many of them begin, each pausing for `pace` behind an answer.
    pub async fn start(session: &Session, change: &Change, count: usize, pace: Duration) -> Result<Self> {
        let (telling, told) = unbounded_channel();
        let over = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for number in 0..count {
            let own = session.another().await?;
            running.spawn(work(own, change.clone(), number, pace, telling.clone(), Arc::clone(&over)));
        }
        Ok(Self { told, acknowledged: Vec::new(), over, running })
    }

    /// Wait for a refusal later than this.
    pub async fn refused_after(&mut self, moment: Instant) -> Result<Instant> {
        self.hear(moment, End::Refused).await.context("nothing is refused")
    }

    /// Wait for a change that is acknowledged later than this.
    pub async fn acknowledged_after(&mut self, moment: Instant) -> Result<Instant> {
        self.hear(moment, End::Acknowledged).await.context("nothing is acknowledged")
    }

    /// Stop them; all that was acknowledged.
    pub async fn end(mut self) -> Result<Vec<String>> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(word) = self.told.recv().await {
            self.note(&word);
        }
        while let Some(done) = self.running.join_next().await {
            done??;
        }
        Ok(self.acknowledged)
    }

    async fn hear(&mut self, moment: Instant, end: End) -> Result<Instant> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let word = tokio::time::timeout_at(deadline, self.told.recv()).await?;
            let word = word.context("no client is left")?;
            self.note(&word);
            if word.end == end && word.at > moment {
                return Ok(word.at);
            }
        }
    }

    fn note(&mut self, word: &Word) {
        if word.end == End::Acknowledged {
            self.acknowledged.push(word.title.clone());
        }
    }
}

async fn work(
    mut session: Session,
    change: Change,
    number: usize,
    pace: Duration,
    telling: UnboundedSender<Word>,
    over: Arc<AtomicBool>,
) -> Result<()> {
    let mut count = 0_usize;
    while !over.load(Ordering::Relaxed) {
        let title = format!("change-{number}.{count}");
        let bytes = prepared(&change, &session, &title);
        let answer = session.client.send(&bytes).await;
        let at = Instant::now();
        let is_made = answer.as_ref().is_ok_and(|reply| reply.status == 201);
        let end = if is_made { End::Acknowledged } else { End::Refused };
        if answer.is_err() {
            // The server is there all the while: only this connection is not.
            session = session.another().await?;
        }
        if telling.send(Word { at, title, end }).is_err() {
            return Ok(());
        }
        count += 1;
        tokio::time::sleep(pace).await;
    }
    Ok(())
}

fn prepared(change: &Change, session: &Session, title: &str) -> Vec<u8> {
    match change {
        Change::Panel => session.prepared("POST", "/v1/panels", Some(&json!({ "title": title }))),
        Change::Import(panel) => {
            let path = format!("/v1/panels/{panel}/imports?mode=append");
            let headers = format!("{}Content-Type: text/csv\r\n", session.cookie);
            request("POST", &path, &headers, rows_of(title).as_bytes())
        }
    }
}
