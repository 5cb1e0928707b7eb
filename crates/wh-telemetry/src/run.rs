//! The thread that collects and sends. It alone speaks to the collector, so a slow one slows nobody else.
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use wh_base::{Clock, Result, Span, SpanSink, codes};

use crate::config::TelemetryConfig;
use crate::post::{Outcome, Poster};
use crate::{figures, spans, words};

/// Spans that may wait for the thread; what comes beyond is dropped and counted.
const WAITING_MAX: usize = 8_192;
/// Spans of one message.
const BATCH_MAX: usize = 512;
/// A span waits at most this long for others.
const BATCH_AGE_MAX: Duration = Duration::from_secs(2);
/// A message that is not taken is tried again after this time, then after twice of it, and so on.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How often one message is tried; some two minutes.
const TRIES_MAX: u32 = 7;
/// At the end of the process what is left is sent within this time. The requests have had theirs, and whoever stops a process waits
/// for it only so long.
const END_MAX: Duration = Duration::from_secs(3);
/// A thread that waits for an answer still, so long after that, is left alone.
const END_GRACE: Duration = Duration::from_millis(500);

/// What the process is, and where its figures come from.
pub struct Source {
    /// The program's version.
    pub version: &'static str,
    /// The id of this process among others (`service.instance.id`).
    pub instance: String,
    /// The machine's name.
    pub host: String,
    /// The text of `/metrics`.
    pub exposition: fn() -> String,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the collector said last to each signal: one may have a way for figures, and none for spans. Cheap to clone.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<LastHeard>>);

#[derive(Clone, Copy, Default)]
struct LastHeard {
    traces: Option<Heard>,
    metrics: Option<Heard>,
}

/// What messages are of.
#[derive(Clone, Copy)]
enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    const fn word(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

/// What became of a message to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whether it was taken.
    pub is_taken: bool,
    /// How long the answer took, or giving up.
    pub latency: Duration,
    /// Whether the collector has no way for such messages: it does not come by itself.
    is_refusal: bool,
    at: Instant,
}

impl Collector {
    /// Of the last message of spans and the last one of figures: the one that was refused, if there is one, else the newer. Spans that were
    /// lost in an outage say nothing once figures are taken again: a server that nobody uses sends no further ones. Nothing before the first.
    pub fn last(&self) -> Option<Heard> {
        let LastHeard { traces, metrics } = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = [traces, metrics].into_iter().flatten().max_by_key(|heard| heard.at);
        [traces, metrics].into_iter().flatten().find(|heard| heard.is_refusal).or(newest)
    }

    fn told(&self, signal: Signal, heard: Heard) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match signal {
            Signal::Traces => last.traces = Some(heard),
            Signal::Metrics => last.metrics = Some(heard),
        }
    }
}

/// The running thread.
pub struct Telemetry {
    collector: Collector,
    sender: SyncSender<Note>,
    dropped: Counter,
    /// Until when the thread may send, once the process ends.
    until: Arc<OnceLock<Instant>>,
    /// Closed when the thread has ended.
    running: Receiver<Infallible>,
    thread: JoinHandle<()>,
}

enum Note {
    Ended(Box<Span>),
    Stop,
}

struct Waiting {
    sender: SyncSender<Note>,
    dropped: Counter,
}

impl SpanSink for Waiting {
    fn take(&self, span: Span) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Note::Ended(Box::new(span))) {
            self.dropped.increment(1);
        }
    }
}

impl Telemetry {
    /// Start sending; nothing where no collector is configured. Fails on a configuration that cannot work.
    pub fn start(config: &TelemetryConfig, source: Source) -> Result<Option<Self>> {
        let (Some(traces), Some(figures)) = (config.address("traces")?, config.address("metrics")?) else {
            return Ok(None);
        };
        let (sender, notes) = sync_channel(WAITING_MAX);
        let dropped = counter!("telemetry_spans_dropped_total");
        let resource = words::resource(&[
            ("service.name", config.service_name.clone()),
            ("service.version", source.version.to_owned()),
            ("service.instance.id", source.instance.clone()),
            ("host.name", source.host.clone()),
        ]);
        let (until, collector) = (Arc::new(OnceLock::new()), Collector::default());
        let worker = Worker {
            poster: Poster::new(&traces, config.headers()?, Arc::clone(&until))?,
            notes,
            resource,
            scope: words::scope(source.version),
            started: words::nanos(source.clock.now()),
            source,
            traces: Outbox::new(traces, Signal::Traces, collector.clone()),
            figures: Outbox::new(figures, Signal::Metrics, collector.clone()),
            interval: Duration::from_millis(config.metrics_interval_ms),
            spans: VecDeque::new(),
            dropped: dropped.clone(),
        };
        let thread = std::thread::Builder::new().name("wh-telemetry".to_owned());
        let (runs, running) = channel();
        let work = move || {
            let _runs = runs;
            worker.run();
        };
        let thread = thread.spawn(work).map_err(|cause| {
            codes::INTERNAL.caused("the thread of the telemetry cannot be started", cause)
        })?;
        Ok(Some(Self { collector, sender, dropped, until, running, thread }))
    }

    /// How the collector is.
    pub fn collector(&self) -> Collector {
        self.collector.clone()
    }

    /// Where spans go.
    pub fn sink(&self) -> Arc<dyn SpanSink> {
        Arc::new(Waiting { sender: self.sender.clone(), dropped: self.dropped.clone() })
    }

    /// Send what is left, once, and end; within a few seconds, however slow the collector is. Waits for the thread: call it where
    /// waiting is allowed.
    pub fn end(self) {
        let _once = self.until.set(Instant::now() + END_MAX);
        // Where no note has room the thread is not waiting for one, and looks at the time before it does.
        let _told = self.sender.try_send(Note::Stop);
        if self.running.recv_timeout(END_MAX + END_GRACE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the last spans and figures were not sent in time: the collector does not answer");
        } else if self.thread.join().is_err() {
            tracing::error!("the thread of the telemetry panicked");
        }
    }
}

struct Worker {
    poster: Poster,
    notes: Receiver<Note>,
    resource: Resource,
    scope: InstrumentationScope,
    started: u64,
    source: Source,
    traces: Outbox,
    figures: Outbox,
    interval: Duration,
    /// The oldest first.
    spans: VecDeque<Span>,
    dropped: Counter,
}

impl Worker {
    fn run(mut self) {
        let mut next_figures = Instant::now() + self.interval;
        let mut oldest: Option<Instant> = None;
        while !self.poster.is_ending() {
            let batch_due = oldest.filter(|_| self.traces.is_free()).map(|since| since + BATCH_AGE_MAX);
            let due = [Some(next_figures), batch_due, self.traces.due(), self.figures.due()];
            let wait = due.into_iter().flatten().min().unwrap_or(next_figures);
            match self.notes.recv_timeout(wait.saturating_duration_since(Instant::now())) {
                Ok(Note::Ended(span)) => {
                    oldest.get_or_insert_with(Instant::now);
                    self.spans.push_back(*span);
                }
                Ok(Note::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            self.traces.again(&self.poster, now);
            self.figures.again(&self.poster, now);
            let is_due =
                self.spans.len() >= BATCH_MAX || oldest.is_some_and(|since| now >= since + BATCH_AGE_MAX);
            if is_due && self.traces.is_free() {
                self.send_spans();
                // What is left after an outage goes in the next messages, without waiting for company.
                oldest = oldest.filter(|_| !self.spans.is_empty());
            }
            // While the collector is away, spans wait here too, and then no longer.
            while self.spans.len() > WAITING_MAX {
                self.spans.pop_front();
                self.dropped.increment(1);
            }
            if now >= next_figures {
                next_figures = now + self.interval;
                self.send_figures();
            }
        }
        self.last();
    }

    /// The oldest, as many as one message holds.
    fn send_spans(&mut self) {
        let batch: Vec<Span> = self.spans.drain(..self.spans.len().min(BATCH_MAX)).collect();
        let message = spans::message(&self.resource, &self.scope, &batch);
        self.traces.send(&self.poster, message.encode_to_vec());
    }

    /// Only if the last message is gone: figures are sums, the newer ones hold the older.
    fn send_figures(&mut self) {
        let time = figures::Time { started: self.started, now: words::nanos(self.source.clock.now()) };
        let message = figures::message(&self.resource, &self.scope, &(self.source.exposition)(), time);
        self.figures.waiting = None;
        self.figures.send(&self.poster, message.encode_to_vec());
    }

    /// What has not been told yet, tried once more while there is time.
    fn last(mut self) {
        while let Ok(note) = self.notes.try_recv() {
            if let Note::Ended(span) = note {
                self.spans.push_back(*span);
            }
        }
        while !self.spans.is_empty() && self.is_heard() && !self.poster.time().is_zero() {
            self.send_spans();
        }
        let is_late = self.poster.time().is_zero();
        if self.is_heard() && !is_late {
            self.send_figures();
        }
        let spans = self.spans.len();
        if is_late || self.poster.time().is_zero() {
            tracing::warn!(spans, "the last spans and figures were not sent in time: the collector is slow");
        } else if !self.is_heard() {
            tracing::warn!(spans, "the last spans and figures were not sent: the collector is away");
        }
    }

    /// Nothing waits to be tried again.
    const fn is_heard(&self) -> bool {
        self.traces.is_free() && self.figures.is_free()
    }
}

/// Messages of one signal, one at a time.
struct Outbox {
    address: String,
    signal: Signal,
    collector: Collector,
    waiting: Option<Late>,
}

/// A message that was not taken yet.
struct Late {
    message: Vec<u8>,
    tries: u32,
    next: Instant,
}

impl Outbox {
    const fn new(address: String, signal: Signal, collector: Collector) -> Self {
        Self { address, signal, collector, waiting: None }
    }

    const fn is_free(&self) -> bool {
        self.waiting.is_none()
    }

    fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|late| late.next)
    }

    fn send(&mut self, poster: &Poster, message: Vec<u8>) {
        self.attempt(poster, message, 1);
    }

    fn again(&mut self, poster: &Poster, now: Instant) {
        if let Some(late) = self.waiting.take_if(|late| late.next <= now) {
            self.attempt(poster, late.message, late.tries + 1);
        }
    }

    fn attempt(&mut self, poster: &Poster, message: Vec<u8>, tries: u32) {
        let begun = Instant::now();
        let (signal, outcome) = (self.signal.word(), poster.post(&self.address, &message));
        let is_taken = matches!(outcome, Outcome::Taken);
        let is_refusal = matches!(outcome, Outcome::Refused(_));
        let heard = Heard { is_taken, latency: begun.elapsed(), is_refusal, at: Instant::now() };
        self.collector.told(self.signal, heard);
        let word = match outcome {
            Outcome::Taken => "sent",
            Outcome::Later(after, why) if tries < TRIES_MAX => {
                let wait = after.unwrap_or(RETRY_FIRST * 2_u32.pow(tries - 1)).min(RETRY_MAX);
                if tries == 1 {
                    tracing::warn!(signal, why, "the collector does not take it; it is tried again");
                }
                self.waiting = Some(Late { message, tries, next: Instant::now() + wait });
                "retried"
            }
            Outcome::Later(_, why) | Outcome::Refused(why) => {
                tracing::error!(signal, why, tries, "a message to the collector is lost");
                "lost"
            }
        };
        counter!("telemetry_messages_total", "signal" => signal, "outcome" => word).increment(1);
    }
}
