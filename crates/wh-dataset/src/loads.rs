//! Brings versions into memory: from their segments when somebody looks at them, or by an append to the version before.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::task::{JoinError, spawn_blocking};
use wh_base::{Error, Result};

use crate::catalog::VersionMeta;
use crate::codes;
use crate::datasets::Inner;
use crate::engine::{Hot, HotBuilder, Room};
use crate::segment::open_segment;

/// Datasets loaded from the object store at once.
pub(crate) const LOADS_AT_ONCE: u32 = 2;

impl Inner {
    /// Reads a version into memory. One that finds no room beside another load gives back what it has and begins anew
    /// when it is alone, so that no two of them ever wait for one another.
    pub(crate) async fn load(&self, meta: &Arc<VersionMeta>) -> Result<(Hot, Room)> {
        let beside = self.load_turns(1).await?;
        match self.read(meta, Duration::ZERO).await {
            Err(error) if error.is(&codes::MEMORY_BUSY) => drop(beside),
            loaded => return loaded,
        }
        metrics::counter!("dataset_hot_loads_repeated_total").increment(1);
        let _alone = self.load_turns(LOADS_AT_ONCE).await?;
        self.read(meta, self.config.memory_wait_max).await
    }

    /// Who waits for turns is served in its order.
    async fn load_turns(&self, turns: u32) -> Result<SemaphorePermit<'_>> {
        let turns = self.loads.acquire_many(turns).await;
        turns.map_err(|error| codes::LOAD_STOPPED.caused("loads are closed", error))
    }

    /// The rows of a version from its segments, with the room they take.
    async fn read(&self, meta: &Arc<VersionMeta>, wait_max: Duration) -> Result<(Hot, Room)> {
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
            let read = spawn_blocking(move || -> Result<(HotBuilder, Room)> {
                reader.read(&meta.schema, &mut |batch| {
                    builder.push(&batch)?;
                    drop(batch);
                    room.claim(builder.bytes(), wait_max)
                })?;
                Ok((builder, room))
            });
            (builder, room) = read.await.map_err(stopped)??;
        }
        let finished = spawn_blocking(move || -> Result<(Hot, Room)> {
            let hot = builder.finish();
            room.claim(hot.bytes(), wait_max)?;
            Ok((hot, room))
        });
        finished.await.map_err(stopped)?
    }
}

/// The rows of an append behind those that were there, when there is room for both together at once.
pub(crate) async fn append(base: Hot, fresh: (Hot, Arc<Room>), room: Room) -> Result<(Hot, Room)> {
    let appended = spawn_blocking(move || -> Result<(Hot, Room)> {
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
    });
    appended.await.map_err(stopped)?
}

fn take(room: &Room, bytes: u64) -> Result<()> {
    if room.grow_to(bytes) { Ok(()) } else { Err(codes::MEMORY_BUSY.error("there is no room for an append")) }
}

fn stopped(error: JoinError) -> Error {
    codes::LOAD_STOPPED.caused("a load stopped", error)
}
