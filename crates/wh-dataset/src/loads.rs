//! Brings versions into memory: from their segments when somebody looks at them, or by an append to the version before.
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{AcquireError, SemaphorePermit};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout_at;
use wh_base::{Error, Result, Served};

use crate::catalog::VersionMeta;
use crate::codes;
use crate::datasets::Inner;
use crate::engine::{Hot, HotBuilder, Room};
use crate::segment::open_segment;

/// Datasets loaded from the object store at once.
pub(crate) const LOADS_AT_ONCE: usize = 2;
/// Of these, those that wait for memory. One alone, as two could each hold what the other waits for; and fewer than all, so
/// that what fits beside it is loaded meanwhile.
pub(crate) const LOADS_WAITING_MAX: usize = 1;

impl Inner {
    /// Reads a version into memory. One that finds no room gives back what it has and begins anew when it is the only one
    /// that waits: the loads beside it wait for no memory, so that no two of them ever wait for one another.
    pub(crate) async fn load(&self, meta: &Arc<VersionMeta>) -> Result<(Hot, Room)> {
        let turn = self.load_turn().await?;
        let busy = match self.read(meta, Instant::now()).await {
            Err(error) if error.is(&codes::MEMORY_BUSY) => error,
            loaded => return loaded,
        };
        drop(turn);
        // One end for all of it: whoever looks waits so long and no longer, however many wait before.
        let until = Instant::now() + self.config.memory_wait_max;
        let Ok(waits) = timeout_at(until.into(), self.load_waits.acquire()).await else { return Err(busy) };
        let _waits = waits.map_err(closed)?;
        metrics::counter!("dataset_hot_loads_repeated_total").increment(1);
        let _turn = self.load_turn().await?;
        self.read(meta, until).await
    }

    /// Who waits for a turn is served in its order.
    async fn load_turn(&self) -> Result<SemaphorePermit<'_>> {
        self.loads.acquire().await.map_err(closed)
    }

    /// The rows of a version from its segments, with the room they take, for which it waits until then at most.
    async fn read(&self, meta: &Arc<VersionMeta>, until: Instant) -> Result<(Hot, Room)> {
        let (mut builder, mut room) = (HotBuilder::new(&meta.schema), self.hot.room());
        for segment in &meta.segments {
            let reader = open_segment(&self.objects, segment).await.map_err(|error| {
                let message = format!("segment {} of version {} cannot be opened", segment.id, meta.version);
                if self.versions.is_superseded(meta.id) {
                    codes::VERSION_GONE.caused(message, error)
                } else {
                    error
                }
            })?;
            let meta = Arc::clone(meta);
            let read = spawn_blocking(Served::carried(move || -> Result<(HotBuilder, Room)> {
                reader.read(&meta.schema, &mut |batch| {
                    builder.push(&batch)?;
                    drop(batch);
                    room.claim(builder.bytes(), until)
                })?;
                Ok((builder, room))
            }));
            (builder, room) = read.await.map_err(stopped)??;
        }
        let finished = spawn_blocking(Served::carried(move || -> Result<(Hot, Room)> {
            let hot = builder.finish();
            room.claim(hot.bytes(), until)?;
            Ok((hot, room))
        }));
        finished.await.map_err(stopped)?
    }
}

/// The rows of an append behind those that were there, when there is room for both together at once.
pub(crate) async fn append(base: Hot, fresh: (Hot, Arc<Room>), room: Room) -> Result<(Hot, Room)> {
    let appended = spawn_blocking(Served::carried(move || -> Result<(Hot, Room)> {
        let (fresh, _until_appended) = fresh;
        let mut builder = HotBuilder::resume(&base)?;
        drop(base);
        take(&room, builder.bytes())?;
        for chunk in 0..fresh.chunks() {
            builder.push(&fresh.batch(chunk)?)?;
            take(&room, builder.bytes())?;
        }
        let hot = builder.finish();
        take(&room, hot.bytes())?;
        Ok((hot, room))
    }));
    appended.await.map_err(stopped)?
}

fn take(room: &Room, bytes: u64) -> Result<()> {
    if room.grow_to(bytes) { Ok(()) } else { Err(codes::MEMORY_BUSY.error("there is no room for an append")) }
}

fn closed(error: AcquireError) -> Error {
    codes::LOAD_STOPPED.caused("loads are closed", error)
}

fn stopped(error: JoinError) -> Error {
    codes::LOAD_STOPPED.caused("a load stopped", error)
}
