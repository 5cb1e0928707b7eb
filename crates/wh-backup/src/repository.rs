//! The backups in one place: header, points, and parts named by their content. Knows no database.
mod chain;
mod choose;
mod damage;
mod each;
mod there;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wh_base::{Random, Result};

pub use self::choose::{Chosen, Wanted};
use crate::codes;
use crate::key::{Key, hex, sha256};
use crate::manifest::{Chunk, FORMAT, FileEntry, Manifest, POINTS, PointName};
use crate::stop::Stop;
use crate::store::{Lock, Store};

/// The header of the place.
const HEADER: &str = "wheelhouse-backup.json";
/// Folder of the parts.
pub const PARTS: &str = "parts";
/// Held by everybody who adds parts, and alone by whoever removes some.
const PARTS_LOCK: &str = "parts.lock";
/// Held by the one process that makes a full point.
const CREATE_LOCK: &str = "create.lock";
/// What a part begins with.
const MAGIC: &[u8] = b"WHB1";
/// The largest content of one part.
pub const PART_BYTES_MAX: usize = 4 << 20;
/// Quick, and half the size for rows of text; higher levels cost more time than they save room.
const ZSTD_LEVEL: i32 = 1;
/// Threads that compress and encrypt.
const THREADS_MAX: usize = 4;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    id: Uuid,
    key_check: String,
}

/// Backups in one place, opened with their key.
pub struct Repository {
    store: Store,
    key: Key,
    random: Arc<dyn Random>,
    stop: Stop,
    new_parts: AtomicU64,
    new_bytes: AtomicU64,
    damaged: Mutex<BTreeSet<String>>,
    /// Whose the full points are that were looked at: that never changes.
    installations: Mutex<HashMap<Uuid, Option<Uuid>>>,
}

/// What was written since the repository was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub parts: u64,
    /// Their bytes, compressed and encrypted.
    pub bytes: u64,
}

/// A point and what it is made of.
#[derive(Clone, Debug)]
pub struct Point {
    /// Moment, kind, id.
    pub name: PointName,
    /// Its parts.
    pub manifest: Manifest,
    /// What stands behind the manifest.
    pub behind: Vec<u8>,
    /// Bytes of its file.
    pub bytes: u64,
}

/// A new random id.
pub fn new_id(random: &dyn Random) -> Result<Uuid> {
    let mut id = [0; 16];
    random.fill(&mut id)?;
    Ok(uuid::Builder::from_random_bytes(id).into_uuid())
}

impl Repository {
    /// Open what is there.
    pub fn open(store: Store, key: Key, random: Arc<dyn Random>) -> Result<Self> {
        let Some(bytes) = store.get(HEADER)? else {
            return Err(codes::POINT_UNKNOWN.error(format!("{} holds no backups", store.words())));
        };
        let header: Header = serde_json::from_slice(&bytes)
            .map_err(|e| codes::PART_DAMAGED.caused(format!("{HEADER} cannot be read"), e))?;
        if header.format > FORMAT {
            let message = format!("{HEADER} has format {}; this program reads up to {FORMAT}", header.format);
            return Err(codes::FORMAT_NEWER.error(message));
        }
        if key.check(&header.id.to_string()) != header.key_check {
            return Err(codes::KEY_WRONG.error(format!("another key made the backups in {}", store.words())));
        }
        let (new_parts, new_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let (damaged, installations) = (Mutex::default(), Mutex::default());
        Ok(Self { store, key, random, stop: Stop::default(), new_parts, new_bytes, damaged, installations })
    }

    /// Open what is there, or begin.
    pub fn open_or_make(store: Store, key: Key, random: Arc<dyn Random>) -> Result<Self> {
        store.prepare()?;
        if !store.has(HEADER)? {
            let _alone = store.lock(CREATE_LOCK)?;
            if !store.has(HEADER)? {
                let id = new_id(&*random)?;
                let header = Header { format: FORMAT, id, key_check: key.check(&id.to_string()) };
                let text = serde_json::to_vec_pretty(&header)
                    .map_err(|e| wh_base::codes::INTERNAL.caused("a header cannot be written", e))?;
                store.put_first(HEADER, &text)?;
                store.settle()?;
            }
        }
        Self::open(store, key, random)
    }

    /// From now on, stop between two parts when it is set.
    pub fn until(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// What says that the work is to end.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The place, for a person.
    pub fn words(&self) -> String {
        self.store.words()
    }

    /// What was written since it was opened.
    pub fn written(&self) -> Written {
        Written {
            parts: self.new_parts.load(Ordering::Relaxed),
            bytes: self.new_bytes.load(Ordering::Relaxed),
        }
    }

    /// Be the one who makes a full point.
    pub fn lock_create(&self) -> Result<Lock> {
        self.store.lock(CREATE_LOCK)
    }

    /// Keep others from removing parts.
    pub fn lock_add(&self) -> Result<Lock> {
        self.store.lock_shared(PARTS_LOCK)
    }

    /// Keep others from adding parts.
    pub fn lock_remove(&self) -> Result<Lock> {
        self.store.lock(PARTS_LOCK)
    }

    /// The store itself.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// A new random id.
    pub fn new_id(&self) -> Result<Uuid> {
        new_id(&*self.random)
    }

    /// Where a content lies.
    pub fn part_path(&self, chunk: &Chunk) -> String {
        let name = hex(&self.key.name(&chunk.sha256));
        format!("{PARTS}/{}/{name}", &name[..2])
    }

    /// Keep a content, if it is not kept already.
    pub fn put_part(&self, content: &[u8]) -> Result<Chunk> {
        self.stop.check()?;
        let chunk = Chunk { sha256: sha256(content), bytes: content.len() as u32 };
        let path = self.part_path(&chunk);
        if !self.store.has(&path)? {
            self.put_sealed(&path, content)?;
        }
        Ok(chunk)
    }

    fn put_sealed(&self, path: &str, content: &[u8]) -> Result<()> {
        let small = zstd::bulk::compress(content, ZSTD_LEVEL)
            .map_err(|e| wh_base::codes::INTERNAL.caused("a part cannot be compressed", e))?;
        let mut file = MAGIC.to_vec();
        file.append(&mut self.key.seal(path, small, &*self.random)?);
        self.store.put(path, &file)?;
        self.new_parts.fetch_add(1, Ordering::Relaxed);
        self.new_bytes.fetch_add(file.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// A content; damage and absence are told by the part's name.
    pub fn get_part(&self, chunk: &Chunk) -> Result<Vec<u8>> {
        self.stop.check()?;
        let path = self.part_path(chunk);
        self.get_content(&path, chunk).inspect_err(|error| {
            if error.is(&codes::PART_DAMAGED) {
                self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
            }
        })
    }

    fn get_content(&self, path: &str, chunk: &Chunk) -> Result<Vec<u8>> {
        let content = self.get_sealed(path, chunk.bytes as usize)?;
        if content.len() != chunk.bytes as usize || sha256(&content) != chunk.sha256 {
            return Err(codes::PART_DAMAGED.error(format!("{path} does not hold what it should")));
        }
        Ok(content)
    }

    fn get_sealed(&self, path: &str, bytes_max: usize) -> Result<Vec<u8>> {
        let file = self.store.get(path)?;
        let file = file.ok_or_else(|| codes::PART_MISSING.error(format!("{path} is not there")))?;
        let sealed = file.strip_prefix(MAGIC);
        let small = sealed.and_then(|sealed| self.key.open(path, sealed));
        let damaged = || codes::PART_DAMAGED.error(format!("{path} is not as it was written"));
        zstd::bulk::decompress(&small.ok_or_else(damaged)?, bytes_max)
            .map_err(|e| codes::PART_DAMAGED.caused(format!("{path} cannot be unpacked"), e))
    }

    /// Keep contents one after the other, several threads at work. `produce` hands them out; the answer has their order.
    pub fn put_parts(
        &self,
        produce: impl FnOnce(&mut dyn FnMut(Vec<u8>) -> Result<()>) -> Result<()>,
    ) -> Result<Vec<Chunk>> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
        let (send, receive) = sync_channel::<(usize, Vec<u8>)>(threads);
        let receive = Mutex::new(receive);
        let stopped = || wh_base::codes::INTERNAL.error("a thread that keeps parts has ended");
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.put_received(&receive))).collect();
            let mut count = 0;
            let produced = produce(&mut |content| {
                count += 1;
                send.send((count - 1, content)).map_err(|_| stopped())
            });
            drop(send);
            let mut done = Vec::with_capacity(count);
            let mut failed = None;
            for worker in workers {
                match worker.join() {
                    Ok(Ok(mut parts)) => done.append(&mut parts),
                    Ok(Err(error)) => failed = Some(error),
                    Err(_) => failed = Some(stopped()),
                }
            }
            // Why a worker ended says more than that it did.
            if let Some(error) = failed {
                return Err(error);
            }
            produced?;
            done.sort_unstable_by_key(|(at, _)| *at);
            Ok(done.into_iter().map(|(_, chunk)| chunk).collect())
        })
    }

    fn put_received(&self, receive: &Mutex<Receiver<(usize, Vec<u8>)>>) -> Result<Vec<(usize, Chunk)>> {
        let mut done = Vec::new();
        let mut failed = None;
        loop {
            let next = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match next {
                // After a failure the rest is taken and thrown away, so that nobody waits for room.
                Ok(_) if failed.is_some() => {}
                Ok((at, content)) => match self.put_part(&content) {
                    Ok(chunk) => done.push((at, chunk)),
                    Err(error) => failed = Some(error),
                },
                Err(_) => return failed.map_or(Ok(done), Err),
            }
        }
    }

    /// Keep a point. Its parts are on disk before it appears.
    pub fn put_point(&self, name: &PointName, manifest: &Manifest, behind: &[u8]) -> Result<u64> {
        self.store.settle()?;
        let path = name.path();
        let content = manifest.write(behind)?;
        let mut file = Vec::with_capacity(4);
        file.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
        file.append(
            &mut zstd::bulk::compress(&content, ZSTD_LEVEL)
                .map_err(|e| wh_base::codes::INTERNAL.caused("a manifest cannot be compressed", e))?,
        );
        let mut sealed = MAGIC.to_vec();
        sealed.append(&mut self.key.seal(&path, file, &*self.random)?);
        self.store.put(&path, &sealed)?;
        self.store.settle()?;
        self.new_bytes.fetch_add(sealed.len() as u64, Ordering::Relaxed);
        Ok(sealed.len() as u64)
    }

    /// Read a point.
    pub fn get_point(&self, name: &PointName) -> Result<Point> {
        let path = name.path();
        let file = self.store.get(&path)?;
        let file = file.ok_or_else(|| codes::PART_MISSING.error(format!("{path} is not there")))?;
        let damaged = || codes::PART_DAMAGED.error(format!("{path} is not as it was written"));
        let opened = file.strip_prefix(MAGIC).and_then(|sealed| self.key.open(&path, sealed));
        let opened = opened.ok_or_else(damaged)?;
        let (length, small) = opened.split_first_chunk::<4>().ok_or_else(damaged)?;
        let content = zstd::bulk::decompress(small, u32::from_le_bytes(*length) as usize)
            .map_err(|e| codes::PART_DAMAGED.caused(format!("{path} cannot be unpacked"), e))?;
        let (manifest, behind) = Manifest::read(&path, content)?;
        Ok(Point { name: *name, manifest, behind, bytes: file.len() as u64 })
    }

    /// All points, oldest first.
    pub fn points(&self) -> Result<Vec<PointName>> {
        let found = self.store.list(POINTS)?;
        let mut points: Vec<_> = found.iter().filter_map(|file| PointName::parse(&file.name)).collect();
        points.sort_unstable_by_key(|point| (point.at, point.number));
        Ok(points)
    }

    /// The objects of an installation's newest point whose parts are all there: an object never changes, so it need not be read again.
    pub fn known_objects(&self, own: Uuid) -> Result<HashMap<String, FileEntry>> {
        let mut known = HashMap::new();
        let points = self.points()?;
        let Some(newest) = self.newest_of(own, &points, &points)? else { return Ok(known) };
        // What is damaged is no reason not to make a new point: then everything is read again.
        for name in self.chain(&newest).unwrap_or_default() {
            let Ok(point) = self.get_point(&name) else { continue };
            known.extend(point.manifest.objects.into_iter().map(|object| (object.path.clone(), object)));
        }
        self.retain_whole(&mut known)?;
        Ok(known)
    }

    /// Leave only objects whose parts are all there. One may be gone since it was kept: a proof puts aside what is damaged.
    pub fn retain_whole(&self, objects: &mut HashMap<String, FileEntry>) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let there: HashSet<String> = self.store.list(PARTS)?.into_iter().map(|found| found.name).collect();
        objects.retain(|_, object| object.chunks.iter().all(|chunk| there.contains(&self.part_path(chunk))));
        Ok(())
    }

    /// A point by its id or the beginning of it.
    pub fn point_by_id(&self, id: &str) -> Result<PointName> {
        let wanted = id.replace('-', "").to_lowercase();
        let points = self.points()?;
        let mut fitting = points
            .iter()
            .filter(|point| !wanted.is_empty() && point.id.simple().to_string().starts_with(&wanted));
        match (fitting.next(), fitting.next()) {
            (Some(point), None) => Ok(*point),
            (None, _) => Err(codes::POINT_UNKNOWN.error(format!("no point {id} in {}", self.words()))),
            (Some(_), Some(_)) => {
                Err(codes::POINT_UNKNOWN.error(format!("more than one point begins with {id}")))
            }
        }
    }
}
