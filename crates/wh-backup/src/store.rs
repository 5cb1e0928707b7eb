//! The place of the backups: a folder, or a bucket of an object store. Knows names and bytes, and nothing of what is in them.
mod address;
mod bucket;
mod folder;
mod lease;
mod told;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wh_base::{Random, Result};

pub use self::address::{Addressing, BucketName, S3, Target, Transport};
use self::bucket::Bucket;
use self::folder::Folder;
use self::lease::Lease;

/// Each request to a bucket is paid for: it is asked so often whether everything is there, in seconds. A folder is asked each time.
const BUCKET_THERE_EVERY_S: i64 = 60;

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name from the root, with forward slashes.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// How long ago it was written.
    pub age: Duration,
}

/// A place.
#[derive(Debug)]
pub struct Store(Place);

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

impl Store {
    /// The folder, whether it is there or not.
    pub fn folder(folder: &Path) -> Self {
        Self(Place::Folder(Folder::new(folder)))
    }

    /// The bucket, whether it is there or not: nothing is sent yet.
    pub fn bucket(name: &BucketName, s3: &S3, random: Arc<dyn Random>) -> Result<Self> {
        Bucket::new(name, s3, random).map(|bucket| Self(Place::Bucket(Box::new(bucket))))
    }

    /// How it is named to a person.
    pub fn words(&self) -> String {
        match &self.0 {
            Place::Folder(folder) => folder.words(),
            Place::Bucket(bucket) => bucket.words(),
        }
    }

    /// Make what must be there before the first file. A bucket is made by its owner.
    pub fn prepare(&self) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.prepare(),
            Place::Bucket(_) => Ok(()),
        }
    }

    /// So many seconds may go by between two looks whether everything is there.
    pub(crate) fn there_every_s(&self) -> i64 {
        match &self.0 {
            Place::Folder(_) => 0,
            Place::Bucket(_) => BUCKET_THERE_EVERY_S,
        }
    }

    /// Whether what is not there may be elsewhere for now: a mount hides and shows a folder, and nothing does that to a bucket.
    pub(crate) fn may_be_away(&self) -> bool {
        matches!(self.0, Place::Folder(_))
    }

    /// Refuses a folder that could only be made together with the folder above it: more often than not that one is a mount that is away.
    pub fn must_have_room(&self) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.must_have_room(),
            Place::Bucket(_) => Ok(()),
        }
    }

    /// Write a file. It appears whole or not at all; its name is durable after [`Store::settle`].
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.put(name, bytes),
            Place::Bucket(bucket) => bucket.put(name, bytes),
        }
    }

    /// Write a file that must not be written over another one. Whoever calls holds the lock of the place alone; a bucket, whose
    /// locks end by time, refuses the second writer itself.
    pub fn put_first(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.put(name, bytes),
            Place::Bucket(bucket) => bucket.put_first(name, bytes),
        }
    }

    /// Everything that was put is durable when this returns, and the locks that were held for it still are.
    pub fn settle(&self) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.settle(),
            Place::Bucket(bucket) => bucket.still_held(),
        }
    }

    /// The whole file, or nothing if there is none.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match &self.0 {
            Place::Folder(folder) => folder.get(name),
            Place::Bucket(bucket) => bucket.get(name),
        }
    }

    /// Whether it is there.
    pub fn has(&self, name: &str) -> Result<bool> {
        match &self.0 {
            Place::Folder(folder) => folder.has(name),
            Place::Bucket(bucket) => bucket.has(name),
        }
    }

    /// Remove a file; one that is not there is removed already.
    pub fn remove(&self, name: &str) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.remove(name),
            Place::Bucket(bucket) => bucket.remove(name),
        }
    }

    /// Give a file another name.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.rename(from, to),
            Place::Bucket(bucket) => bucket.rename(from, to),
        }
    }

    /// The files in a folder of the store and below, in the order of their names.
    pub fn list(&self, folder: &str) -> Result<Vec<Found>> {
        match &self.0 {
            Place::Folder(place) => place.list(folder),
            Place::Bucket(bucket) => bucket.list(folder),
        }
    }

    /// Remove files that were begun so long ago that nobody can still be writing them. A bucket shows none before it is whole.
    pub fn sweep(&self, age_min: Duration) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.sweep(age_min),
            Place::Bucket(_) => Ok(()),
        }
    }

    /// Hold a named lock alone, or be told that another process has it. It ends with the process.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        match &self.0 {
            Place::Folder(folder) => folder.lock(name).map(Lock::file),
            Place::Bucket(bucket) => bucket.lock(name).map(Lock::lease),
        }
    }

    /// Hold a named lock together with others who share it; waits for whoever holds it alone.
    pub fn lock_shared(&self, name: &str) -> Result<Lock> {
        match &self.0 {
            Place::Folder(folder) => folder.lock_shared(name).map(Lock::file),
            Place::Bucket(bucket) => bucket.lock_shared(name).map(Lock::lease),
        }
    }

    /// Write, read and remove a small file in a bucket: name, rights and way to it all show in that. A folder that is there can
    /// be looked at without it.
    pub fn probe(&self) -> Result<()> {
        match &self.0 {
            Place::Folder(_) => Ok(()),
            Place::Bucket(bucket) => bucket.probe(),
        }
    }
}

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
    _lease: Option<Lease>,
}

impl Lock {
    fn file(file: File) -> Self {
        Self { _file: Some(file), _lease: None }
    }

    fn lease(lease: Lease) -> Self {
        Self { _file: None, _lease: Some(lease) }
    }
}
