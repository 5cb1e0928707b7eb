//! The engine on `SQLite`: one file, one writer with group commit, readers in parallel, row security inside. Holds no SQL of a
//! context.
mod committer;
mod connection;
mod errors;
mod examine;
mod lease;
#[expect(clippy::vec_box, reason = "a connection is lent and given back: boxed, it moves as one pointer")]
mod readers;
mod schema;
mod session;
mod walls;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use wh_base::{Result, Timestamp};

use crate::engine::Scope;
use crate::migrate::{Catalogue, Migrations};
use crate::{DbLimits, codes};
use connection::{Connection, Mode, Use};
pub use examine::sqlite_in_use;
pub(crate) use examine::{examine, installation, newest};
pub(crate) use lease::Write;
pub(crate) use readers::Read;
use readers::Readers;
pub(crate) use schema::names as kernel_migrations;
use walls::Walls;
use writer::Writer;

/// Rows of the outbox behind a place. The single writer gives the order; there is no xid.
pub(crate) const OUTBOX_BEHIND: &str = "SELECT $1 AS xid, seq, tenant_id, id, kind, subject, at, data FROM kernel_outbox \
     WHERE seq > $2 ORDER BY seq LIMIT $3";
/// The same rows, only counted and dated.
pub(crate) const OUTBOX_WAITING: &str =
    "SELECT $1 AS xid, at FROM kernel_outbox WHERE seq > $2 ORDER BY seq LIMIT $3";

/// An opened file.
pub(crate) struct Engine {
    /// How far the stream of events was at the start.
    stream: i64,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Open the file, migrate it, start the writer's thread. Blocks.
    pub(crate) fn open(
        path: &Path,
        limits: &DbLimits,
        catalogue: &Catalogue,
        migrations: &[Migrations],
        now: Timestamp,
    ) -> Result<Self> {
        if let Some(folder) = path.parent()
            && !folder.as_os_str().is_empty()
        {
            std::fs::create_dir_all(folder)
                .map_err(|cause| codes::STORAGE.caused("the folder of the database cannot be made", cause))?;
        }
        let stream = schema::migrate(path, migrations, now)?;
        let raw = connection::open_raw(path).map_err(errors::translate)?;
        let walls = Arc::new(Walls::of(catalogue, &raw)?);
        let open = |used_for| Connection::open(path, &walls, used_for, Mode::Writer, limits.file_bytes_max);
        let writer = Arc::new(Writer::new(open(Use::Walled)?, open(Use::System)?, *limits));
        let thread = committer::start(&writer, path)?;
        let readers = Arc::new(Readers::new(path.to_owned(), walls, *limits));
        Ok(Self { stream, readers, writer, thread: Some(thread) })
    }

    pub(crate) const fn stream_at_open(&self) -> i64 {
        self.stream
    }

    pub(crate) async fn read(&self, scope: Scope) -> Result<Read> {
        self.readers.read(scope).await
    }

    pub(crate) async fn begin(&self, scope: Scope) -> Result<Write> {
        self.writer.begin(scope).await
    }

    pub(crate) async fn outbox_changed(&self) {
        self.writer.outbox.notified().await;
    }
}

impl Drop for Engine {
    /// Nothing is lent any more: every transaction keeps the engine. The thread ends with what it is doing.
    fn drop(&mut self) {
        self.writer.state().stop = true;
        self.writer.bell.notify_one();
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the writer's thread panicked");
        }
    }
}
