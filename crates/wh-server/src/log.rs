//! How lines of the log look and which of them are written: escaped, by level, changeable while the server runs. Decides no
//! destination.
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use wh_base::{Error, Result, Served, codes};

/// Characters of a level text at most.
pub const LEVEL_CHARS_MAX: usize = 500;
/// Parts of a level text at most.
const PARTS_MAX: usize = 20;
/// Libraries log requests, frames and parameters at their finer levels, with whatever secrets are in them: of others than
/// ourselves only this and what is graver is written, whatever is asked for.
const FOREIGN_LEVEL_MAX: Level = Level::INFO;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people, in colour.
    ColouredText,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Which lines are written: `info`, or `info,wh_db=debug`.
#[derive(Clone, Debug)]
pub struct Levels {
    text: String,
    targets: Targets,
}

impl FromStr for Levels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong = |why: &str| codes::CONFIG.error(format!("the log level {why}"));
        if text.is_empty() || text.len() > LEVEL_CHARS_MAX || text.split(',').count() > PARTS_MAX {
            return Err(wrong(&format!(
                "has 1 to {PARTS_MAX} parts in at most {LEVEL_CHARS_MAX} characters"
            )));
        }
        for part in text.split(',') {
            let (target, level) = part.split_once('=').unwrap_or(("all", part));
            let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
            if target.is_empty() || !target.chars().all(is_word) {
                return Err(wrong(&format!("names a part that cannot be: {part:?}")));
            }
            if !matches!(level, "off" | "error" | "warn" | "info" | "debug" | "trace") {
                return Err(wrong(&format!("is error, warn, info, debug, trace or off, not {level:?}")));
            }
        }
        let targets = text.parse().map_err(|e| codes::CONFIG.caused("the log level cannot be read", e))?;
        Ok(Self { text: text.to_owned(), targets })
    }
}

impl Levels {
    fn wants(&self, meta: &Metadata<'_>) -> bool {
        let target = meta.target();
        let ours = target.starts_with("wh_") || target.starts_with("wheelhouse");
        (ours || *meta.level() <= FOREIGN_LEVEL_MAX) && self.targets.would_enable(target, meta.level())
    }
}

impl<S> Filter<S> for Levels {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(meta)
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        if self.wants(meta) { Interest::always() } else { Interest::never() }
    }

    fn event_enabled(&self, _: &Event<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }
}

/// Changes the levels of a running log. Cheap to clone.
#[derive(Clone)]
pub struct LogControl(Arc<Control>);

struct Control {
    text: Mutex<String>,
    change: Box<dyn Fn(Levels) -> Result<()> + Send + Sync>,
}

impl LogControl {
    /// The levels that are in force.
    pub fn levels(&self) -> String {
        self.0.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Put others in force, until the next change or the end of the process.
    pub fn set(&self, levels: Levels) -> Result<()> {
        let mut text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        let new = levels.text.clone();
        (self.0.change)(levels)?;
        *text = new;
        Ok(())
    }

    /// Of a process that writes no log: remembers what it is told.
    pub fn silent() -> Self {
        Self(Arc::new(Control { text: Mutex::new("off".to_owned()), change: Box::new(|_| Ok(())) }))
    }
}

/// The layer that writes lines, and what changes its levels.
pub fn lines<S, W>(form: Form, levels: Levels, writer: W) -> (Box<dyn Layer<S> + Send + Sync>, LogControl)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let text = Mutex::new(levels.text.clone());
    let (filter, handle) = reload::Layer::new(levels);
    let change = move |levels: Levels| {
        handle.reload(levels).map_err(|e| codes::INTERNAL.caused("the log cannot be changed any more", e))
    };
    let base = tracing_subscriber::fmt::layer();
    let layer = match form {
        Form::Json => {
            let json = base.json().flatten_event(true).with_current_span(false);
            json.with_writer(Lines { writer, form }).with_filter(filter).boxed()
        }
        Form::ColouredText | Form::Text => {
            let base = base.with_writer(Lines { writer, form });
            let fields = debug_fn(|out, field, value| {
                let value = Escaped(value);
                if field.name() == "message" {
                    write!(out, "{value}")
                } else {
                    write!(out, "{field}={value}")
                }
            });
            let fields = tracing_subscriber::field::MakeExt::delimited(fields, " ");
            base.with_ansi(form == Form::ColouredText).fmt_fields(fields).with_filter(filter).boxed()
        }
    };
    (layer, LogControl(Arc::new(Control { text, change: Box::new(change) })))
}

/// What a client or another program chose must not look like a line of its own, nor move the cursor of whoever reads.
struct Escaped<'a>(&'a dyn fmt::Debug);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(out), "{:?}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for sign in text.chars() {
            if is_plain(sign) {
                self.0.write_char(sign)?;
            } else {
                write!(self.0, "{}", sign.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Lines with the request that they belong to, those of JSON of plain signs.
struct Lines<W> {
    writer: W,
    form: Form,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { writer: self.writer.make_writer(), form: self.form, request: None }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        Line { writer: self.writer.make_writer_for(meta), form: self.form, request: request_of(meta) }
    }
}

/// The fields of the request that this task serves. A line that names a request says itself what belongs to it.
fn request_of(meta: &Metadata<'_>) -> Option<Vec<(&'static str, String)>> {
    if meta.fields().field("requestId").is_some() {
        return None;
    }
    let facts = Served::facts()?;
    let mut fields = vec![("requestId", facts.request().to_string())];
    fields.extend(facts.operation().map(|operation| ("operation", operation.to_owned())));
    if let Some((user, tenant)) = facts.member() {
        fields.extend([("userId", user.to_string()), ("tenantId", tenant.to_string())]);
    }
    fields.retain(|(name, _)| meta.fields().field(*name).is_none());
    Some(fields)
}

/// Is given one line at a time, and whole.
struct Line<W> {
    writer: W,
    form: Form,
    request: Option<Vec<(&'static str, String)>>,
}

impl<W> Line<W> {
    /// The line with what its request adds, before its end.
    fn completed(&self, line: &str) -> Option<String> {
        let fields = self.request.as_ref()?;
        let end = if self.form == Form::Json { "}\n" } else { "\n" };
        let mut text = line.strip_suffix(end)?.to_owned();
        for (name, value) in fields {
            let added = match self.form {
                Form::Json => format!(",\"{name}\":{}", serde_json::Value::from(value.as_str())),
                Form::Text | Form::ColouredText => format!(" {name}={value}"),
            };
            text.push_str(&added);
        }
        text.push_str(end);
        Some(text)
    }
}

impl<W: io::Write> io::Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = self.completed(&text).map_or(text, Cow::Owned);
        if self.form != Form::Json || text.chars().all(|sign| sign == '\n' || is_plain(sign)) {
            self.writer.write_all(text.as_bytes())?;
            return Ok(bytes.len());
        }
        // Outside of texts JSON is ASCII, and inside of them it has escaped what is below a blank: what is left stands in a text.
        let mut plain = String::with_capacity(text.len() + 16);
        for sign in text.chars() {
            if sign == '\n' || is_plain(sign) {
                plain.push(sign);
            } else {
                plain.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
        }
        self.writer.write_all(plain.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// No control character, and none that breaks a line or turns the direction of reading.
fn is_plain(sign: char) -> bool {
    !sign.is_control()
        && !matches!(sign, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
