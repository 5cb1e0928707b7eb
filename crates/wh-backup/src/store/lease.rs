//! A lock in a bucket: an object that its holder renews. It ends when it is dropped, when its process ends, or by time.
//!
//! Each holder has an object of its own and then looks who else has one: that needs nothing of the object store but that a list
//! names what was written before it.
use std::collections::BTreeSet;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path as FilePath;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::bucket::Remote;

/// Who did not renew for so long, in seconds, holds it no more.
pub(super) const LEASE_S: i64 = 120;
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Who could not renew for so long does not count on it any more: well before others do.
const SURE_MAX: Duration = Duration::from_secs(90);
/// An object store that is away is not waited for: what is left behind is known as this process's own.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// Names of the locks that this process holds, in whichever bucket: other objects with its name on them were left behind.
static HELD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Who holds it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    /// This machine since its start, as processes of this user in this container see it; empty where that is not known.
    host: String,
    pid: u32,
}

impl Holder {
    fn own() -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let space = std::fs::read_link("/proc/self/ns/pid").ok();
        let user = std::fs::metadata("/proc/self").ok().map(|own| own.uid());
        let host = match (boot, space, user) {
            (Some(boot), Some(space), Some(user)) => format!("{} {} {user}", boot.trim(), space.display()),
            _ => String::new(),
        };
        Self { host, pid: std::process::id() }
    }
}

/// Whether the holder is a process of this machine that has ended, or this one, which gave it up.
pub(super) fn has_ended(name: &str, content: &[u8]) -> bool {
    let Ok(holder) = serde_json::from_slice::<Holder>(content) else { return false };
    let own = Holder::own();
    if holder.host.is_empty() || holder.host != own.host {
        return false;
    }
    if holder.pid == own.pid {
        return !HELD.lock().unwrap_or_else(PoisonError::into_inner).contains(name);
    }
    !FilePath::new("/proc").join(holder.pid.to_string()).exists()
}

/// What is known of a lock that is held.
pub(super) struct Held {
    path: Path,
    /// When it was renewed last; never again once somebody took it for given up.
    renewed: Mutex<Option<Instant>>,
}

impl Held {
    /// Whether nobody else can have taken it.
    pub fn is_sure(&self) -> bool {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.is_some_and(|at| at.elapsed() < SURE_MAX)
    }

    fn set(&self, renewed: Option<Instant>) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
    }
}

/// A lock that is held.
pub(super) struct Lease {
    name: String,
    held: Arc<Held>,
    all: Arc<Mutex<Vec<Arc<Held>>>>,
    stop: Option<oneshot::Sender<()>>,
    ended: Receiver<()>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Lease {
    /// Write it, and renew it from now on. Whether others hold it is not yet known.
    pub fn take(
        remote: &Remote,
        name: String,
        all: Arc<Mutex<Vec<Arc<Held>>>>,
    ) -> object_store::Result<Self> {
        // Two plain fields are always JSON.
        let content = serde_json::to_vec(&Holder::own()).unwrap_or_default();
        let held = Arc::new(Held { path: remote.path(&name)?, renewed: Mutex::new(Some(Instant::now())) });
        let (stop, stopped) = oneshot::channel();
        let (tell, ended) = sync_channel(1);
        HELD.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&held));
        // From here on its end takes everything back, also where the first write fails: its answer may only have been lost.
        let lease = Self { name, held: Arc::clone(&held), all, stop: Some(stop), ended };
        let written = remote.put(&lease.name, &content, PutMode::Overwrite);
        remote.handle().spawn(keep(remote.store(), held, content, stopped, tell));
        written.map(|()| lease)
    }

    /// Its name in the bucket.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended with its runtime.
            let _stopped = stop.send(());
        }
        let _removed = self.ended.recv_timeout(RELEASE_MAX);
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !Arc::ptr_eq(other, &self.held));
        HELD.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

async fn keep(
    store: AmazonS3,
    held: Arc<Held>,
    content: Vec<u8>,
    mut stopped: oneshot::Receiver<()>,
    ended: SyncSender<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            () = tokio::time::sleep(RENEW_EVERY) => {}
        }
        renew(&store, &held, &content).await;
    }
    if let Err(error) = store.delete(&held.path).await {
        let kind =
            if matches!(error, object_store::Error::NotFound { .. }) { "gone already" } else { "left" };
        tracing::debug!(kind, path = %held.path, "a lock in a bucket was not removed");
    }
    // Whoever waited may have given up.
    let _told = ended.send(());
}

async fn renew(store: &AmazonS3, held: &Held, content: &[u8]) {
    if !held.is_sure() {
        return;
    }
    // Counted from before it is sent: the store's own time of it is later.
    let now = Instant::now();
    match store.head(&held.path).await {
        Err(object_store::Error::NotFound { .. }) => {
            held.set(None);
            return;
        }
        Err(error) => {
            tracing::debug!(path = %held.path, %error, "a lock in a bucket could not be renewed");
            return;
        }
        Ok(_) => {}
    }
    let payload = PutPayload::from(content.to_vec());
    match store.put_opts(&held.path, payload, PutOptions::from(PutMode::Overwrite)).await {
        Ok(_) => held.set(Some(now)),
        Err(error) => tracing::debug!(path = %held.path, %error, "a lock in a bucket could not be renewed"),
    }
}
