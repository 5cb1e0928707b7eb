//! Backup and restore of Wheelhouse itself: points in time of database and objects. Read this first.
//!
//! A [`Repository`] holds points and parts in one place, a folder or a bucket, everything sealed with the operator's [`Key`]. `create` makes a
//! full point of a data folder while a server writes to it, `restore` makes a folder from a point, `verify` proves one,
//! `prune` forgets; [`Follower`] keeps a step every few seconds. `sqlite` reads the database page by page at one moment. docs/adr/0006-backup-format.md says why.
pub mod codes;
mod config;
mod create;
mod follow;
mod installation;
mod key;
mod log;
mod manifest;
mod postgres;
mod prune;
mod repository;
mod restore;
mod room;
mod scratch;
mod sqlite;
pub mod status;
mod stop;
mod store;
mod verify;

pub use config::{BackupConfig, SECTION};
pub use create::{Created, DATABASE_FILE, DataFolder, OBJECTS_FOLDER, Objects, create_full};
pub use follow::{Followed, Follower, Steps};
pub use key::Key;
pub use manifest::{Chunk, Database, FORMAT, FileEntry, Manifest, Migration, PointKind, PointName};
pub use postgres::{create_full_postgres, load_postgres, verify_postgres};
pub use prune::{Pruned, Retention, kept, prune, prune_other};
pub use repository::{Chosen, Point, Repository, Wanted, Written};
pub use restore::{ARCHIVE_FILE, Restored, restore};
pub use room::{must_have_room_for_archive, must_have_room_for_proof};
pub use scratch::remove_leftovers;
pub use sqlite::CHUNK_BYTES;
pub use status::{Failure, Status, Verified};
pub use stop::Stop;
pub use store::{Addressing, BucketName, S3, Store, Target, Transport};
pub use verify::{Proof, verify};
