//! Follows a database that is being written: a step every few seconds, a full point from time to time. Owns no timer.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;
use wh_base::{Clock, ErrorCode, Result, Timestamp};

use crate::codes;
use crate::create::{Copied, DataFolder, copy_objects, create_full_held, files};
use crate::key::hex;
use crate::log::{self, Mark};
use crate::manifest::{Chunk, Database, FORMAT, FileEntry, Manifest, PointKind, PointName};
use crate::repository::{PART_BYTES_MAX, Repository};
use crate::sqlite::{PageDigest, Snapshot, Source, page_digest, whole_digest};
use crate::stop::Stop;
use crate::store::Lock;

/// Steps behind one full point.
const STEPS_MAX: u32 = 20_000;
/// Once the steps weigh this many times the database, a full point is cheaper to restore.
const CHANGED_TIMES_MAX: u64 = 2;
/// A database smaller than this counts as this large, so that little ones are not copied all the time.
const DATABASE_BYTES_MIN: u64 = 32 << 20;
/// Changes up to this size stand behind the manifest itself: one file per step.
const BEHIND_BYTES_MAX: usize = 1 << 20;
/// How soon a full point that failed is tried again while steps go on, in seconds: it reads the whole database.
const FULL_AGAIN_S: i64 = 600;
/// How often a step is begun anew because somebody deleted a dataset while its objects were copied.
const ATTEMPTS_MAX: usize = 10;

/// Errors that say nothing of whether a full point can be made.
const NOT_TRIED: [&ErrorCode; 3] = [&codes::RUNNING, &codes::STOPPED, &codes::PLACE_GONE];

/// What a look at the database did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Nothing was written since the last look: everything up to this moment is kept.
    Nothing {
        /// The moment of the look; in a bucket, of the last one that asked whether everything is there.
        at: Timestamp,
        /// The newest point.
        point: PointName,
    },
    /// A step.
    Step(PointName),
    /// A full point.
    Full(PointName),
}

/// Whether there are points between the full ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// At each look that finds something new.
    Each,
    /// Never.
    None,
}

/// Follows one database.
pub struct Follower {
    repository: Repository,
    data: DataFolder,
    clock: Arc<dyn Clock>,
    full_every_s: i64,
    steps: Steps,
    source: Source,
    installation: Uuid,
    state: Option<State>,
    /// When the full point failed that is due.
    full_failed: Option<Timestamp>,
}

/// What is kept already.
struct State {
    full: PointName,
    last: PointName,
    /// How the last step is dated that was to be written: it may be there although it failed.
    tried: Timestamp,
    /// When both were last seen to be there.
    seen: Timestamp,
    page_bytes: u32,
    pages: Vec<PageDigest>,
    mark: Mark,
    objects: HashMap<String, FileEntry>,
    files: Vec<FileEntry>,
    changed_bytes: u64,
}

impl Follower {
    /// Begin; the first look makes a full point.
    pub fn begin(
        repository: Repository,
        data: DataFolder,
        clock: Arc<dyn Clock>,
        full_every_h: u64,
        steps: Steps,
    ) -> Result<Self> {
        let source = Source::open(&data.database())?;
        let full_every_s = i64::try_from(full_every_h * 3_600).unwrap_or(i64::MAX);
        let installation = data.installation_or(repository.new_id()?)?;
        Ok(Self {
            repository,
            data,
            clock,
            full_every_s,
            steps,
            source,
            installation,
            state: None,
            full_failed: None,
        })
    }

    /// Which installation it is.
    pub fn installation(&self) -> Uuid {
        self.installation
    }

    /// The place.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The full point that steps go on behind; none before the first look.
    pub fn behind(&self) -> Option<PointName> {
        self.state.as_ref().map(|state| state.full)
    }

    /// From now on, stop between two parts when it is set; what was being made is not made, and the next look makes it.
    pub fn until(&mut self, stop: Stop) {
        self.repository.until(stop);
    }

    /// The last look before the server ends: a step, which is quick. A full point only where there is none to go on behind.
    pub fn look_last(&mut self) -> Result<Followed> {
        self.must_be_there()?;
        if self.state.is_none() { self.look() } else { self.look_behind() }
    }

    /// Whether a full point is due and failed: steps go on behind the one before.
    pub fn is_behind_an_old_one(&self) -> bool {
        self.state.is_some() && self.full_failed.is_some()
    }

    /// When the full point failed that is due.
    pub fn full_failed(&self) -> Option<Timestamp> {
        self.full_failed
    }

    /// Keep what is new. After an error the next look keeps it all; after one that the place is gone ([`codes::PLACE_GONE`]) only that of
    /// a new follower, which opens the place anew. A full point that fails is an error, and what is new is kept behind the one before:
    /// there may be room for a step where there is none for a whole database.
    pub fn look(&mut self) -> Result<Followed> {
        self.must_be_there()?;
        if !self.full_is_due() {
            self.full_failed = None;
            return self.look_behind();
        }
        if self.state.is_some() && self.full_failed_lately() {
            return self.look_behind();
        }
        let failed = match self.full() {
            // Another process makes a full point just now.
            Err(error) if error.is(&codes::RUNNING) && self.state.is_some() => return self.look_behind(),
            Err(error) if !NOT_TRIED.iter().any(|code| error.is(code)) => error,
            done => return done.map(Followed::Full),
        };
        self.full_failed = Some(self.clock.now());
        if self.state.is_some() {
            self.look_behind()?;
        }
        Err(failed)
    }

    fn full_failed_lately(&self) -> bool {
        let now = self.clock.now();
        let lately = |at: Timestamp| at <= now && now < at.plus_seconds(FULL_AGAIN_S);
        self.full_failed.is_some_and(lately)
    }

    /// Nothing is kept behind points that are gone, and what is gone is not said to be kept.
    fn must_be_there(&mut self) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let now = self.clock.now();
        let next = state.seen.plus_seconds(self.repository.there_every_s());
        // A moment that is later than now was told by a clock that was ahead.
        if state.seen <= now && now < next {
            return Ok(());
        }
        self.repository.must_hold(&state.full, &state.last)?;
        state.seen = now;
        Ok(())
    }

    fn look_behind(&mut self) -> Result<Followed> {
        if let (Steps::None, Some(state)) = (self.steps, &self.state) {
            return Ok(Followed::Nothing { at: state.last.at, point: state.last });
        }
        for _ in 0..ATTEMPTS_MAX {
            if let Some(done) = self.step()? {
                return Ok(done);
            }
        }
        Err(codes::OBJECT_MISSING.error("an object that the database names is not there"))
    }

    fn full_is_due(&self) -> bool {
        self.state.as_ref().is_none_or(|state| {
            let database = state.pages.len() as u64 * u64::from(state.page_bytes);
            let now = self.clock.now();
            now >= state.full.at.plus_seconds(self.full_every_s)
                // The clock was ahead: steps that go on behind it would all be dated later than now.
                || state.full.is_ahead_of(now)
                || state.last.is_ahead_of(now)
                || state.last.number >= STEPS_MAX
                || state.changed_bytes > CHANGED_TIMES_MAX * database.max(DATABASE_BYTES_MIN)
        })
    }

    fn full(&mut self) -> Result<PointName> {
        // Before the moment of the point: pages that are named twice are only looked at twice.
        let mark = log::mark(&self.source.log(), Mark::default())?;
        let known = match &self.state {
            Some(state) => {
                let mut known = state.objects.clone();
                self.repository.retain_whole(&mut known)?;
                known
            }
            None => self.repository.known_objects(self.installation)?,
        };
        let created = create_full_held(&self.repository, &self.data, &*self.clock, &known)?;
        self.state = Some(State {
            full: created.point,
            last: created.point,
            tried: created.point.at,
            seen: created.point.at,
            page_bytes: created.page_bytes,
            pages: created.pages,
            mark,
            objects: created.objects,
            files: created.files,
            changed_bytes: 0,
        });
        self.full_failed = None;
        Ok(created.point)
    }

    /// Nothing when the moment has to be taken anew.
    fn step(&mut self) -> Result<Option<Followed>> {
        let Some(state) = &mut self.state else {
            return self.full().map(|point| Some(Followed::Full(point)));
        };
        let path = self.source.log();
        let mark = log::mark(&path, state.mark)?;
        // What was acknowledged before this moment is in the snapshot.
        let at = Timestamp::from_micros(self.clock.now().micros().max(state.tried.micros() + 1));
        let snapshot = self.source.snapshot()?;
        let candidates = log::changed(&path, state.mark)?;
        // What was written was there when it was written, and everything was when it was last looked for.
        let there = if self.repository.there_every_s() == 0 { at } else { state.seen.max(state.last.at) };
        if candidates.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(Some(Followed::Nothing { at: there, point: state.last }));
        }
        let mut changes = Changes::since(&self.repository, state.pages.clone());
        changes.pages.resize(snapshot.pages()? as usize, [0; 16]);
        match candidates {
            Some(mut numbers) => {
                let count = changes.pages.len() as u32;
                // Of the new pages the log may leave one out: that which holds SQLite's lock bytes, behind the first GiB, is never written.
                numbers.extend(state.pages.len() as u32 + 1..=count);
                let numbers = numbers.into_iter().filter(|number| (1..=count).contains(number));
                snapshot.each_page_of(numbers, &mut |number, page| changes.take(number, page))?;
            }
            None => snapshot.each_page(&mut |number, page| changes.take(number, page))?,
        }
        if changes.count == 0 && changes.pages.len() == state.pages.len() {
            state.mark = mark;
            return Ok(Some(Followed::Nothing { at: there, point: state.last }));
        }
        changes.hold()?;
        let mut new = state.objects.clone();
        let named = snapshot.objects()?;
        let Copied::All(objects) = copy_objects(&self.repository, &self.data, &named, &mut new)? else {
            return Ok(None);
        };
        let fresh =
            objects.iter().filter(|object| !state.objects.contains_key(&object.path)).cloned().collect();
        let files = files(&self.repository, &self.data)?;
        let new_files: &[FileEntry] = if files == state.files { &[] } else { &files };
        let manifest = changes.manifest(&snapshot, self.installation, fresh, new_files)?;
        drop(snapshot);
        let id = self.repository.new_id()?;
        let number = state.last.number + 1;
        let point = PointName { at, kind: PointKind::Step, id, full: state.full.id, number };
        state.tried = at;
        state.changed_bytes += self.repository.put_point(&point, &manifest, &changes.behind)?;
        state.changed_bytes += changes.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum::<u64>();
        state.last = point;
        state.pages = changes.pages;
        state.mark = mark;
        state.objects = objects.into_iter().map(|object| (object.path.clone(), object)).collect();
        state.files = files;
        Ok(Some(Followed::Step(point)))
    }
}

/// The pages that are not as before.
struct Changes<'a> {
    repository: &'a Repository,
    pages: Vec<PageDigest>,
    count: u64,
    chunks: Vec<Chunk>,
    behind: Vec<u8>,
    /// From the first part on. A look that finds nothing to keep takes none: in a bucket each lock is paid for.
    lock: Option<Lock>,
}

impl<'a> Changes<'a> {
    fn since(repository: &'a Repository, pages: Vec<PageDigest>) -> Self {
        Self { repository, pages, count: 0, chunks: Vec::new(), behind: Vec::new(), lock: None }
    }

    fn take(&mut self, number: u32, page: &[u8]) -> Result<()> {
        let digest = page_digest(page);
        let Some(before) = self.pages.get_mut(number as usize - 1) else { return Ok(()) };
        if *before == digest {
            return Ok(());
        }
        *before = digest;
        self.count += 1;
        self.behind.extend_from_slice(&number.to_le_bytes());
        self.behind.extend_from_slice(page);
        if self.behind.len() + page.len() + 4 > PART_BYTES_MAX {
            self.keep_apart()?;
        }
        Ok(())
    }

    /// Keep others from removing parts until the point is there.
    fn hold(&mut self) -> Result<()> {
        if self.lock.is_none() {
            self.lock = Some(self.repository.lock_add()?);
        }
        Ok(())
    }

    fn keep_apart(&mut self) -> Result<()> {
        self.hold()?;
        self.chunks.push(self.repository.put_part(&self.behind)?);
        self.behind.clear();
        Ok(())
    }

    fn manifest(
        &mut self,
        snapshot: &Snapshot<'_>,
        installation: Uuid,
        objects: Vec<FileEntry>,
        files: &[FileEntry],
    ) -> Result<Manifest> {
        if self.behind.len() > BEHIND_BYTES_MAX {
            self.keep_apart()?;
        }
        Ok(Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            installation: Some(installation),
            database: Database::Changed {
                page_bytes: snapshot.page_bytes()?,
                pages: self.pages.len() as u32,
                digest: hex(&whole_digest(&self.pages)),
                chunks: self.chunks.clone(),
            },
            objects,
            files: files.to_vec(),
            tables: BTreeMap::new(),
            migrations: snapshot.migrations()?,
        })
    }
}
