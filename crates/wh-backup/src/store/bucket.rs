//! A bucket of an object store as the place of the backups. What it acknowledged is durable; its errors say which kind they are.
use std::fmt;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::client::HttpError;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::runtime::{Builder, Handle, Runtime};
use wh_base::{Error, Random, Result, Served};

use super::Found;
use super::address::{BucketName, S3};
use super::lease::{self, Held, Lease};
use crate::codes;
use crate::key::hex;

/// Threads that wait for answers.
const THREADS: usize = 2;
/// Where the locks lie.
const LOCKS: &str = "locks";
/// Where a probe is written.
const PROBES: &str = "probes";
/// A lock that is held by one, and one that is shared.
const ALONE: &str = "alone";
const SHARED: &str = "shared";
/// How often it is looked whether a lock is free, and for how long.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_WAIT_MAX: Duration = Duration::from_mins(10);
/// What object stores answer when a request is not let in.
const REFUSALS: &[&str] = &[
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    // Of versitygw, for a key id that nobody has; with status 404.
    "XAdminUserNotFound",
];
/// What object stores answer when a name is not there; to HEAD they answer nothing.
const ABSENCES: &[&str] = &["", "NoSuchKey", "NotFound"];

/// A bucket.
pub(super) struct Bucket {
    remote: Remote,
    random: Arc<dyn Random>,
    /// The locks that are held now.
    held: Arc<Mutex<Vec<Arc<Held>>>>,
    /// Ended without waiting: the last one to drop a bucket may be a thread that must not wait.
    runtime: Option<Runtime>,
}

/// What speaks to the bucket, from any thread.
#[derive(Clone)]
pub(super) struct Remote {
    store: AmazonS3,
    handle: Handle,
    words: String,
    prefix: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.remote.words)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    /// The bucket, whether it is there or not.
    pub fn new(name: &BucketName, s3: &S3, random: Arc<dyn Random>) -> Result<Self> {
        let store = s3.client(name)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("backup-bucket")
            .enable_all()
            .build()
            .map_err(|e| wh_base::codes::INTERNAL.caused("the runtime of a bucket did not start", e))?;
        let (words, prefix) = (name.words(), name.prefix.clone());
        let remote = Remote { store, handle: runtime.handle().clone(), words, prefix };
        Ok(Self { remote, random, held: Arc::default(), runtime: Some(runtime) })
    }

    pub fn words(&self) -> String {
        self.remote.words.clone()
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.remote.put(name, bytes, PutMode::Overwrite).map_err(|e| self.remote.failed(name, &e))
    }

    /// Somebody else's file stays as it is.
    pub fn put_first(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self.remote.put(name, bytes, PutMode::Create) {
            Ok(()) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(e) => Err(self.remote.failed(name, &e)),
        }
    }

    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.remote.get(name) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if is_no_such_object(&e) => Ok(None),
            Err(e) => Err(self.remote.failed(name, &e)),
        }
    }

    pub fn has(&self, name: &str) -> Result<bool> {
        match self.remote.head(name) {
            Ok(_) => Ok(true),
            Err(e) if is_no_such_object(&e) => Ok(false),
            Err(e) => Err(self.remote.failed(name, &e)),
        }
    }

    /// What was found not to be needed is removed only while nobody can have begun to need it.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.still_held()?;
        match self.remote.delete(name) {
            Ok(()) => Ok(()),
            Err(e) if is_no_such_object(&e) => Ok(()),
            Err(e) => Err(self.remote.failed(name, &e)),
        }
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let bytes = self.remote.get(from).map_err(|e| self.remote.failed(from, &e))?;
        self.put(to, &bytes)?;
        self.remote.delete(from).map_err(|e| self.remote.failed(from, &e))
    }

    pub fn list(&self, folder: &str) -> Result<Vec<Found>> {
        let mut found: Vec<Found> = self
            .metas(folder)?
            .into_iter()
            .filter_map(|meta| {
                let age = SystemTime::from(meta.last_modified).elapsed().unwrap_or_default();
                let name = self.remote.name(&meta.location)?.to_owned();
                Some(Found { name, bytes: meta.size, age })
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn metas(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        self.remote.metas(folder).map_err(|e| self.remote.failed(folder, &e))
    }

    /// Write, read, remove.
    pub fn probe(&self) -> Result<()> {
        let name = format!("{PROBES}/{}", self.new_id()?);
        self.put(&name, name.as_bytes())?;
        let read = self.get(&name);
        self.remote.delete(&name).map_err(|e| self.remote.failed(&name, &e))?;
        if read?.is_none_or(|read| read != name.as_bytes()) {
            return Err(codes::STORE.error(format!("{} does not give back what it took", self.words())));
        }
        self.metas(PROBES).map(drop)
    }

    /// Hold a lock alone. Two who ask at the same moment are both refused: neither can know who was first.
    pub fn lock(&self, name: &str) -> Result<Lease> {
        let lease = self.lease(name, ALONE)?;
        if self.others(name, &lease)?.is_empty() {
            return Ok(lease);
        }
        Err(codes::RUNNING.error(format!("another process works on the backups in {}", self.words())))
    }

    /// Hold a lock with others; waits until nobody holds it alone. Whoever asks for it alone meanwhile is refused.
    pub fn lock_shared(&self, name: &str) -> Result<Lease> {
        let lease = self.lease(name, SHARED)?;
        let began = Instant::now();
        while self.others(name, &lease)?.iter().any(|other| other.contains(ALONE)) {
            if began.elapsed() > LOCK_WAIT_MAX {
                let message = format!("another process removes backups from {}", self.words());
                return Err(codes::RUNNING.error(message));
            }
            std::thread::sleep(LOCK_WAIT);
        }
        Ok(lease)
    }

    fn lease(&self, name: &str, kind: &str) -> Result<Lease> {
        let file = format!("{LOCKS}/{name}/{kind}-{}", self.new_id()?);
        Lease::take(&self.remote, file.clone(), Arc::clone(&self.held))
            .map_err(|e| self.remote.failed(&file, &e))
    }

    /// Names of the others who hold a lock. Whoever did not renew it for too long, or is a process of this machine that has
    /// ended, holds it no more. All times are the object store's own.
    fn others(&self, name: &str, lease: &Lease) -> Result<Vec<String>> {
        let found = self.metas(&format!("{LOCKS}/{name}"))?;
        let name_of = |meta: &ObjectMeta| self.remote.name(&meta.location).unwrap_or_default().to_owned();
        let own = found.iter().find(|meta| name_of(meta) == lease.name());
        let Some(now_s) = own.map(|meta| meta.last_modified.timestamp()) else {
            return Err(self.lost());
        };
        let mut others = Vec::new();
        for meta in found.iter().filter(|meta| name_of(meta) != lease.name()) {
            let other = name_of(meta);
            let given_up = now_s - meta.last_modified.timestamp() > lease::LEASE_S
                || self.get(&other)?.is_none_or(|content| lease::has_ended(&other, &content));
            if given_up {
                self.remote.delete(&other).map_err(|e| self.remote.failed(&other, &e))?;
            } else {
                others.push(other);
            }
        }
        Ok(others)
    }

    /// Fails when the store was away for so long that others may have taken a lock that is held here.
    pub fn still_held(&self) -> Result<()> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.iter().any(|held| !held.is_sure()) { Err(self.lost()) } else { Ok(()) }
    }

    fn lost(&self) -> Error {
        codes::AWAY.error(format!("{} was away for so long that others may have begun", self.words()))
    }

    fn new_id(&self) -> Result<String> {
        let mut id = [0; 16];
        self.random.fill(&mut id)?;
        Ok(hex(&id))
    }
}

impl Remote {
    /// Wait for an answer, in any thread: also in one of another runtime, where blocking on a future would panic.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> object_store::Result<T> {
        let (send, receive) = sync_channel(1);
        self.handle.spawn(Served::current().within(async move {
            // Nobody waits any more where the process ends.
            let _gone = send.send(work.await);
        }));
        receive.recv().unwrap_or_else(|_| {
            Err(object_store::Error::Generic { store: "S3", source: "the request was given up".into() })
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn store(&self) -> AmazonS3 {
        self.store.clone()
    }

    /// Where a name lies in the bucket.
    pub(super) fn path(&self, name: &str) -> object_store::Result<Path> {
        let Self { prefix, .. } = self;
        let path =
            if prefix.is_empty() { Path::parse(name) } else { Path::parse(format!("{prefix}/{name}")) };
        Ok(path?)
    }

    /// The name of what lies there.
    fn name<'a>(&self, path: &'a Path) -> Option<&'a str> {
        Some(path.as_ref().strip_prefix(self.prefix.as_str())?.trim_start_matches('/'))
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8], mode: PutMode) -> object_store::Result<()> {
        let (store, path) = (self.store(), self.path(name)?);
        let payload = PutPayload::from(bytes.to_vec());
        self.wait(async move { store.put_opts(&path, payload, PutOptions::from(mode)).await.map(drop) })
    }

    fn get(&self, name: &str) -> object_store::Result<Vec<u8>> {
        let (store, path) = (self.store(), self.path(name)?);
        self.wait(async move { store.get(&path).await?.bytes().await }).map(Vec::from)
    }

    fn head(&self, name: &str) -> object_store::Result<ObjectMeta> {
        let (store, path) = (self.store(), self.path(name)?);
        self.wait(async move { store.head(&path).await })
    }

    fn delete(&self, name: &str) -> object_store::Result<()> {
        let (store, path) = (self.store(), self.path(name)?);
        self.wait(async move { store.delete(&path).await })
    }

    fn metas(&self, folder: &str) -> object_store::Result<Vec<ObjectMeta>> {
        let (store, path) = (self.store(), self.path(folder)?);
        self.wait(async move { store.list(Some(&path)).try_collect().await })
    }

    /// Which kind of failure it is. The answer's own text is long and holds the request's signature: its code says enough.
    fn failed(&self, name: &str, error: &object_store::Error) -> Error {
        use object_store::Error as Failure;
        let (words, text) = (&self.words, error.to_string());
        let code = code_of(&text);
        let status = text.split("status code: ").nth(1).and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
        let says = if code.is_empty() { String::new() } else { format!(" ({code})") };
        let refused = matches!(error, Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. })
            || matches!(status, Some(401 | 403))
            || text.contains("redirect without LOCATION")
            || REFUSALS.contains(&code);
        if refused {
            return codes::REFUSED.error(format!("{words} does not let us in{says}"));
        }
        let unnamed = code.is_empty() && (matches!(error, Failure::NotFound { .. }) || status == Some(404));
        if unnamed || code == "NoSuchBucket" {
            return codes::BUCKET_MISSING.error(format!("{words}: there is no such bucket"));
        }
        let (deepest, unreachable) = look_into(error);
        if unreachable {
            return codes::AWAY.caused(format!("{words} does not answer"), deepest);
        }
        if matches!(status, Some(500..=599)) {
            return codes::AWAY.error(format!("{words} does not work now{says}"));
        }
        if code.is_empty() {
            return codes::STORE.caused(format!("{name} in {words} cannot be used"), deepest);
        }
        codes::STORE.error(format!("{name} in {words} cannot be used{says}"))
    }
}

/// A name that is not there, in a bucket that is.
fn is_no_such_object(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && ABSENCES.contains(&code_of(&error.to_string()))
}

/// The code in an answer; empty where it has none.
fn code_of(text: &str) -> &str {
    let found = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    found.map_or("", |(code, _)| code)
}

/// The words of the last cause, and whether there was no answer at all.
fn look_into(error: &object_store::Error) -> (String, bool) {
    let mut unreachable = false;
    let mut deepest = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        unreachable |= found.is::<HttpError>();
        deepest = found.to_string();
        cause = found.source();
    }
    (deepest, unreachable)
}
