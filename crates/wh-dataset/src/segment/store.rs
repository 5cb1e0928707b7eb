//! The place where objects lie: a local folder or a bucket. What it acknowledges is on disk; it knows no tenants.
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt};
use tokio::sync::mpsc;
use uuid::Uuid;
use wh_base::{Error, Result, Served, Timestamp};

use crate::codes;

/// Says whose the store is. Written at the start and read by [`Objects::ping`]. Outside every tenant's prefix.
const MARK: &str = "wheelhouse-store";
/// What its line begins with that names the installation. Older builds wrote none.
const MARK_INSTALLATION: &str = "installation ";
/// Bytes of one part of an upload; buckets take none smaller than 5 MiB but the last.
pub const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts of one object that wait for their upload.
const PARTS_WAITING_MAX: usize = 1;

/// One object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its path from the root of the store.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written last.
    pub modified: Timestamp,
}

/// What an upload is sent.
pub(crate) enum Part {
    /// The next bytes.
    Bytes(Bytes),
    /// There is no more: without this the upload is given up.
    End,
}

/// The content of an object: a file where there is one, so that it need not fit into memory.
pub(crate) enum Content {
    File(std::fs::File),
    Bytes(Bytes),
}

/// Whose a store is, as its mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It has none: it is new, or a restore made it.
    Missing,
    /// One of an older build, which did not say whose it is.
    Nameless,
    /// This installation's.
    Of(Uuid),
}

/// A handle of the store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Whose it was when it was marked.
    marked: Arc<OnceLock<Uuid>>,
    /// The local folder, where there is one: `object_store` does not sync what it writes there unless asked, so we do.
    folder: Option<Arc<PathBuf>>,
}

impl Objects {
    /// A local folder, made if it is not there.
    pub fn local(folder: &FilePath) -> Result<Self> {
        let wrong =
            |error: std::io::Error| codes::STORE.caused("the folder of the objects cannot be used", error);
        std::fs::create_dir_all(folder).map_err(wrong)?;
        let folder = folder.canonicalize().map_err(wrong)?;
        sync(&folder).map_err(wrong)?;
        if let Some(parent) = folder.parent() {
            sync(parent).map_err(wrong)?;
        }
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(failed)?;
        Ok(Self { store: Arc::new(store), marked: Arc::default(), folder: Some(Arc::new(folder)) })
    }

    /// A bucket, or any other store whose acknowledgement means durable.
    pub fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, marked: Arc::default(), folder: None }
    }

    /// Writes a small object whole; it is durable when this returns.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let path = parse(path)?;
        self.store.put(&path, bytes.into()).await.map_err(failed)?;
        self.settle(&path).await
    }

    /// Begins an object that comes in parts. The task answers its size once it is durable, or with why it is not there;
    /// a sender that is dropped before `Part::End` leaves nothing behind.
    pub(crate) fn upload(
        &self,
        path: &str,
        runtime: &tokio::runtime::Handle,
    ) -> Result<(mpsc::Sender<Part>, tokio::task::JoinHandle<Result<u64>>)> {
        let path = parse(path)?;
        let (sender, receiver) = mpsc::channel(PARTS_WAITING_MAX);
        let objects = self.clone();
        let receiving = async move { objects.receive(path, receiver).await };
        let task = runtime.spawn(Served::current().within(receiving));
        Ok((sender, task))
    }

    async fn receive(&self, path: Path, mut parts: mpsc::Receiver<Part>) -> Result<u64> {
        let mut upload = self.store.put_multipart(&path).await.map_err(failed)?;
        match receive_parts(upload.as_mut(), &mut parts).await {
            Ok(bytes) => {
                upload.complete().await.map_err(failed)?;
                self.settle(&path).await?;
                Ok(bytes)
            }
            Err(error) => {
                if let Err(error) = upload.abort().await {
                    tracing::warn!(%path, %error, "an upload that was given up could not be cleaned");
                }
                Err(error)
            }
        }
    }

    /// Syncs a local object and the folders above it.
    async fn settle(&self, path: &Path) -> Result<()> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        let file = folder.join(path.as_ref());
        let synced = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            sync(&file)?;
            for above in file.ancestors().skip(1) {
                sync(above)?;
                if above == folder.as_path() {
                    break;
                }
            }
            Ok(())
        });
        match synced.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(codes::STORE.caused("an object cannot be synced", error)),
            Err(error) => Err(codes::STORE.caused("syncing an object was interrupted", error)),
        }
    }

    /// The whole object, or nothing if there is none.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        match self.store.get(&parse(path)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The object for reading here and there.
    pub(crate) async fn open(&self, path: &str) -> Result<Content> {
        let found = self.store.get(&parse(path)?).await.map_err(failed)?;
        if let GetResultPayload::File(file, _) = found.payload {
            return Ok(Content::File(file));
        }
        found.bytes().await.map(Content::Bytes).map_err(failed)
    }

    /// Whose it is.
    pub(crate) async fn mark(&self) -> Result<Mark> {
        let Some(bytes) = self.get(MARK).await? else { return Ok(Mark::Missing) };
        let text = String::from_utf8_lossy(&bytes);
        let named = text.lines().find_map(|line| line.strip_prefix(MARK_INSTALLATION));
        Ok(named.and_then(|id| id.trim().parse().ok()).map_or(Mark::Nameless, Mark::Of))
    }

    /// Marks the store as this installation's, so that one that is away or another can be told from one without objects.
    pub(crate) async fn mark_as(&self, installation: Uuid) -> Result<()> {
        if self.mark().await? != Mark::Of(installation) {
            let text = format!(
                "the objects of a Wheelhouse; see docs/operations.md\n{MARK_INSTALLATION}{installation}\n"
            );
            self.put(MARK, Bytes::from(text)).await?;
        }
        let _own = self.marked.get_or_init(|| installation);
        Ok(())
    }

    /// Whether the store answers and is the one that was marked.
    pub async fn ping(&self) -> Result<()> {
        match (self.mark().await?, self.marked.get()) {
            (Mark::Missing, _) => Err(codes::STORE
                .error("the store holds no mark: its folder or bucket is not the one of the start")),
            (Mark::Of(other), Some(own)) if other != *own => {
                Err(codes::STORE_FOREIGN
                    .error(format!("the store is of installation {other} now, not {own}")))
            }
            (Mark::Of(_) | Mark::Nameless, _) => Ok(()),
        }
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, path: &str) -> Result<()> {
        match self.store.delete(&parse(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The objects under a prefix (a whole folder), in no order. Uploads that are under way are not among them.
    pub fn list(&self, prefix: &str) -> impl Stream<Item = Result<ObjectInfo>> + Send + 'static {
        let prefix = Path::from(prefix);
        self.store.list(Some(&prefix)).map(|item| {
            let meta = item.map_err(failed)?;
            let modified = Timestamp::from_micros(meta.last_modified.timestamp_micros());
            Ok(ObjectInfo { path: meta.location.to_string(), bytes: meta.size, modified })
        })
    }

    /// Removes what uploads of an earlier run left half-way in the local folder; answers how many there were. Only for the
    /// start, before the first upload. A bucket removes its own by its life cycle rule for multipart uploads.
    pub async fn clean_staging(&self) -> Result<u64> {
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        let cleaned = tokio::task::spawn_blocking(move || clean(&folder)).await;
        match cleaned {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(codes::STORE.caused("left-over uploads cannot be removed", error)),
            Err(error) => Err(codes::STORE.caused("removing left-over uploads was interrupted", error)),
        }
    }
}

async fn receive_parts(upload: &mut dyn MultipartUpload, parts: &mut mpsc::Receiver<Part>) -> Result<u64> {
    let mut bytes = 0;
    loop {
        match parts.recv().await {
            Some(Part::Bytes(part)) => {
                bytes += part.len() as u64;
                upload.put_part(part.into()).await.map_err(failed)?;
            }
            Some(Part::End) => return Ok(bytes),
            None => return Err(codes::IMPORT_STOPPED.error("the writer of the object is gone")),
        }
    }
}

fn sync(path: &FilePath) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// `object_store` stages an upload as `<name>#<number>` beside its object.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn clean(folder: &FilePath) -> std::io::Result<u64> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            count += clean(&entry.path())?;
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_staged) {
            std::fs::remove_file(entry.path())?;
            count += 1;
        }
    }
    Ok(count)
}

fn parse(path: &str) -> Result<Path> {
    Path::parse(path).map_err(|error| codes::STORE.caused("a path that no object can have", error))
}

fn failed(error: object_store::Error) -> Error {
    codes::STORE.caused("the object store failed", error)
}
