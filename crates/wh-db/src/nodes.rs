//! The processes that share a database: each writes down again and again that it is there. Knows not what they say of themselves.
use uuid::Uuid;
use wh_base::{Result, Timestamp};

use crate::engine::Scope;
use crate::reads::Reading;
use crate::tx::Changing;
use crate::{Row, SystemDb, args};

/// One answer of [`SystemDb::nodes`] holds no more processes.
pub const NODES_MAX: u32 = 200;

/// A process as it wrote itself down.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// New at each of its starts.
    pub id: Uuid,
    /// Where it runs: the same after each start there, and of one process at a time.
    pub place: Uuid,
    /// When it last wrote, by its own clock.
    pub seen_at: Timestamp,
    /// What it says of itself.
    pub about: serde_json::Value,
}

// Through the kernel's door, not by `SystemDb::begin`: that one writes down each use for good, which a beat every few seconds
// would make a table that only grows. There is no row of a tenant in this one.
const WRITE: &str = "INSERT INTO kernel_node (id, place, seen_at, about) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET place = excluded.place, seen_at = excluded.seen_at, about = excluded.about";
const REPLACE: &str = "DELETE FROM kernel_node WHERE place = $1 AND id <> $2";
const TIDY: &str = "DELETE FROM kernel_node WHERE seen_at < $1";
const LEAVE: &str = "DELETE FROM kernel_node WHERE id = $1";
const NEWEST: &str = "SELECT id, place, seen_at, about FROM kernel_node ORDER BY seen_at DESC, id LIMIT $1";

impl SystemDb {
    /// Whether other processes may serve the same database. On `SQLite` none can: the folder that the file lies in is locked by
    /// the one that does. There what follows writes and finds nothing, so that an idle installation writes nothing at all and
    /// its backups have nothing to copy.
    pub fn is_shared(&self) -> bool {
        self.core().engine.is_shared()
    }

    /// A process begins to serve. Whoever was in its place before cannot be there any more.
    pub async fn node_enter(&self, node: &NodeRow) -> Result<()> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut tx = Changing::open(self.core(), Scope::Kernel).await?;
        tx.kernel_count(REPLACE, args![node.place, node.id]).await?;
        tx.kernel_count(WRITE, args![node.id, node.place, node.seen_at, &node.about]).await?;
        tx.commit().await
    }

    /// It is still there; those that were not heard of since a moment are forgotten. What was lost meanwhile is written anew.
    pub async fn node_beat(&self, node: &NodeRow, heard_since: Timestamp) -> Result<()> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut tx = Changing::open(self.core(), Scope::Kernel).await?;
        tx.kernel_count(WRITE, args![node.id, node.place, node.seen_at, &node.about]).await?;
        tx.kernel_count(TIDY, args![heard_since]).await?;
        tx.commit().await
    }

    /// It serves no more.
    pub async fn node_leave(&self, id: Uuid) -> Result<()> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut tx = Changing::open(self.core(), Scope::Kernel).await?;
        tx.kernel_count(LEAVE, args![id]).await?;
        tx.commit().await
    }

    /// The processes that wrote themselves down, those heard of last first.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>> {
        if !self.is_shared() {
            return Ok(Vec::new());
        }
        let mut reading = Reading::open(self.core(), Scope::Kernel).await?;
        reading.kernel_rows(NEWEST, args![NODES_MAX]).await?.iter().map(node).collect()
    }
}

fn node(row: &Row) -> Result<NodeRow> {
    Ok(NodeRow {
        id: row.uuid("id")?,
        place: row.uuid("place")?,
        seen_at: row.time("seen_at")?,
        about: row.json("about")?,
    })
}
