//! Whether a disk has room for what is about to be written: more often than not it is the disk of the data, and a live server needs the
//! rest of it. Writes nothing.
use std::cell::Cell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wh_base::{ErrorCode, Result};

use crate::codes;

/// Of a disk that stays free, in percent.
const FREE_PERCENT: u64 = 10;
/// However large the disk is: a live server can write so much until somebody comes.
const FREE_BYTES_MAX: u64 = 4 << 30;
/// A restore by hand and a point are worth more than that, but must not stop a live server on the same disk.
const FREE_BYTES_MAX_WORTHY: u64 = 256 << 20;
/// What is small endangers nobody: it leaves no more free than so many times itself, or what a worthy one leaves.
const FREE_TIMES: u64 = 4;
/// After so many bytes it is asked again: others write to the disk meanwhile.
const ASK_EVERY_BYTES: u64 = 16 << 20;

/// The room of one disk, while something is written to it.
pub(crate) struct Room {
    place: PathBuf,
    free_bytes_max: u64,
    /// The most that was asked for at once: looks while it is written leave as much free as the one before it.
    largest: Cell<u64>,
    unasked: Cell<u64>,
}

impl Room {
    /// For proofs, which can wait.
    pub(crate) fn for_proof(place: &Path) -> Self {
        Self::keeping(place, FREE_BYTES_MAX, 0)
    }

    /// For a point, without which nothing is kept, and for a restore that a person asked for.
    pub(crate) fn for_worthy(place: &Path) -> Self {
        Self::keeping(place, FREE_BYTES_MAX_WORTHY, 0)
    }

    /// The same for a folder on the same disk.
    pub(crate) fn at(&self, place: &Path) -> Self {
        Self::keeping(place, self.free_bytes_max, self.largest.get())
    }

    fn keeping(place: &Path, free_bytes_max: u64, largest: u64) -> Self {
        Self { place: place.to_owned(), free_bytes_max, largest: Cell::new(largest), unasked: Cell::new(0) }
    }

    /// Refuses where so many bytes more would not leave enough.
    pub(crate) fn must_take(&self, bytes: u64) -> Result<()> {
        // A file system that does not say how much it has says by a failed write that it is full.
        let Ok(stat) = rustix::fs::statvfs(&self.place) else { return Ok(()) };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let all = stat.f_blocks.saturating_mul(stat.f_frsize);
        if all == 0 {
            return Ok(());
        }
        self.largest.set(self.largest.get().max(bytes));
        let of_itself = self.largest.get().saturating_mul(FREE_TIMES).max(FREE_BYTES_MAX_WORTHY);
        let kept = (all / 100 * FREE_PERCENT).min(self.free_bytes_max).min(of_itself);
        if free >= bytes.saturating_add(kept) {
            return Ok(());
        }
        let (place, free, kept) = (self.place.display(), megabytes(free), megabytes(kept));
        let taken =
            if bytes == 0 { String::new() } else { format!("{} MB are to be written: ", megabytes(bytes)) };
        let message = format!(
            "{taken}the disk at {place} has {free} MB free, of which {kept} MB stay free for the data"
        );
        Err(codes::NO_ROOM.error(message))
    }

    /// So many bytes were written.
    pub(crate) fn took(&self, bytes: u64) -> Result<()> {
        self.unasked.set(self.unasked.get() + bytes);
        if self.unasked.get() < ASK_EVERY_BYTES {
            return Ok(());
        }
        self.unasked.set(0);
        self.must_take(0)
    }
}

/// Refuses where a proof of so many bytes would leave the disk of its folder without room for the data.
pub fn must_have_room_for_proof(place: &Path, bytes: u64) -> Result<()> {
    Room::for_proof(place).must_take(bytes)
}

/// Refuses where the disk has no room left for an archive of PostgreSQL.
pub fn must_have_room_for_archive(place: &Path) -> Result<()> {
    Room::for_worthy(place).must_take(0)
}

/// What it means that a file could not be written: a full disk has a name of its own.
pub(crate) fn code_of(cause: &std::io::Error) -> &'static ErrorCode {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => &codes::NO_ROOM,
        _ => &codes::TARGET,
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
