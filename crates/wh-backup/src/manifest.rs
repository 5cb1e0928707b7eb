//! What a point is made of: the sealed list of its parts. Plain data; reads and writes nothing.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wh_base::{Error, Result, Timestamp};

use crate::codes;
use crate::key::{Digest, hex, unhex};

/// The format of this program. A higher one is refused.
pub const FORMAT: u32 = 1;
/// Folder of the points.
pub const POINTS: &str = "points";

/// Clocks of one company's machines differ by so many seconds at most. What is dated later than that was dated by a clock that was ahead.
const CLOCKS_DIFFER_S_MAX: i64 = 300;

/// Whole by itself, or the change since the point before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// Needs no other point.
    Full,
    /// Needs its full point and every step between.
    Step,
}

impl PointKind {
    /// `full` or `step`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Step => "step",
        }
    }
}

/// What the name of a point says; the name is authenticated with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointName {
    /// The moment it keeps.
    pub at: Timestamp,
    /// Full or step.
    pub kind: PointKind,
    /// Its own id.
    pub id: Uuid,
    /// The id of its full point; its own for a full one.
    pub full: Uuid,
    /// 0 for a full point, then 1, 2, 3.
    pub number: u32,
}

impl PointName {
    /// Whether a clock that was ahead dated it: nothing can be kept of a moment that has not come. Such a point is never the newest one.
    pub fn is_ahead_of(&self, now: Timestamp) -> bool {
        self.at > now.plus_seconds(CLOCKS_DIFFER_S_MAX)
    }

    /// The name in the store. Names sort by moment.
    pub fn path(&self) -> String {
        let Self { at, kind, id, full, number } = self;
        let (id, full) = (id.simple(), full.simple());
        format!("{POINTS}/{:020}-{}-{id}-{full}-{number}", at.micros().max(0), kind.word())
    }

    /// Reads what [`PointName::path`] wrote.
    pub fn parse(path: &str) -> Option<Self> {
        let mut words = path.strip_prefix(POINTS)?.strip_prefix('/')?.split('-');
        let at = Timestamp::from_micros(words.next()?.parse().ok()?);
        let kind = match words.next()? {
            "full" => PointKind::Full,
            "step" => PointKind::Step,
            _ => return None,
        };
        let (id, full) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let number = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Self { at, kind, id, full, number })
    }
}

/// A content that is kept as a part of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// How many there are.
    pub bytes: u32,
}

impl Serialize for Chunk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}", hex(&self.sha256), self.bytes))
    }
}

impl<'de> Deserialize<'de> for Chunk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let (sha256, bytes) = text.split_once(':')?;
            Some(Self { sha256: unhex(sha256)?.try_into().ok()?, bytes: bytes.parse().ok()? })
        };
        read().ok_or_else(|| serde::de::Error::custom("not a chunk"))
    }
}

/// A file of the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// From the data folder, with forward slashes.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its content, in order.
    pub chunks: Vec<Chunk>,
}

/// The database at the point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Database {
    /// Every page of the file, in order.
    Pages {
        /// Bytes of a page.
        page_bytes: u32,
        /// Pages in all.
        pages: u32,
        /// SHA-256 over the digests of all pages.
        digest: String,
        /// The file, in pieces of [`crate::sqlite::CHUNK_BYTES`].
        chunks: Vec<Chunk>,
    },
    /// The pages that are not as at the point before: number (4 bytes, little-endian) and content, page after page.
    Changed {
        /// Bytes of a page.
        page_bytes: u32,
        /// Pages in all.
        pages: u32,
        /// SHA-256 over the digests of all pages.
        digest: String,
        /// The changes; none where they stand behind the manifest itself.
        chunks: Vec<Chunk>,
    },
    /// An archive of `pg_dump` in its custom form.
    PostgresArchive {
        /// The archive, in pieces.
        chunks: Vec<Chunk>,
        /// What wrote it.
        tool: String,
    },
}

/// A migration that the database has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Whose.
    pub context: String,
    /// `0001_panels`.
    pub name: String,
    /// Of its text.
    pub checksum: String,
}

/// A point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// The version of that program.
    pub program: String,
    /// Whose it is; nothing in points that were made before they said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<Uuid>,
    /// The database.
    pub database: Database,
    /// Objects: all of a full point, the new ones of a step.
    pub objects: Vec<FileEntry>,
    /// Other files of the data folder, for example its configuration.
    pub files: Vec<FileEntry>,
    /// Rows of each table, where they were counted.
    pub tables: BTreeMap<String, u64>,
    /// The schema.
    pub migrations: Vec<Migration>,
}

impl Manifest {
    /// Every chunk that it names.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let database = match &self.database {
            Database::Pages { chunks, .. }
            | Database::Changed { chunks, .. }
            | Database::PostgresArchive { chunks, .. } => chunks,
        };
        let files = self.objects.iter().chain(&self.files).flat_map(|file| &file.chunks);
        database.iter().chain(files)
    }

    /// One line of JSON, then what stands behind it.
    pub fn write(&self, behind: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)
            .map_err(|e| wh_base::codes::INTERNAL.caused("a manifest cannot be written", e))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(behind);
        Ok(bytes)
    }

    /// Reads what [`Manifest::write`] wrote: the manifest and what stands behind it.
    pub fn read(name: &str, mut bytes: Vec<u8>) -> Result<(Self, Vec<u8>)> {
        #[derive(Deserialize)]
        struct OnlyFormat {
            format: u32,
        }
        let unreadable = || codes::PART_DAMAGED.error(format!("{name} cannot be read"));
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
        let behind = bytes.split_off(end + 1);
        let newer = |format: u32| -> Error {
            codes::FORMAT_NEWER
                .error(format!("{name} has format {format}; this program reads up to {FORMAT}"))
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(manifest) if manifest.format > FORMAT => Err(newer(manifest.format)),
            Ok(manifest) => Ok((manifest, behind)),
            Err(cause) => match serde_json::from_slice::<OnlyFormat>(&bytes) {
                Ok(only) if only.format > FORMAT => Err(newer(only.format)),
                _ => Err(codes::PART_DAMAGED.caused(format!("{name} cannot be read"), cause)),
            },
        }
    }
}
