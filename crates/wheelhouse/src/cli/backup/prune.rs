//! `wheelhouse backup prune`: removes points of this data folder, or what an installation left that was given up.
use std::sync::Arc;

use uuid::Uuid;
use wh_backup::{DataFolder, Status};
use wh_base::{Clock, Random, Result};

use super::megabytes;
use crate::print;
use crate::settings::Settings;

/// What the settings do not keep of this data folder's own points, or of another installation's: of those the last point that was proven
/// here stays too, which may have been before a restored folder went on.
pub fn prune(
    settings: &Settings,
    other: Option<Uuid>,
    clock: &dyn Clock,
    random: Arc<dyn Random>,
) -> Result<()> {
    let (backup, data) = (&settings.backup, DataFolder::new(&settings.data_dir));
    backup.check_retention(settings.backup_steps())?;
    data.must_not_be_restored()?;
    let (repository, own) = (backup.open(random)?, data.installation()?);
    let (retention, now) = (backup.retention(), clock.now());
    let pruned = match other.filter(|other| Some(*other) != own) {
        None => wh_backup::prune(&repository, retention, own, now)?,
        Some(other) => {
            let verified = Status::read(&settings.data_dir)?.last_verified;
            let proven = verified.and_then(|proven| proven.point.parse().ok());
            wh_backup::prune_other(&repository, other, retention, proven, now)?
        }
    };
    let megabytes = megabytes(pruned.bytes);
    print::line(&format!("Removed {} points and {} parts, {megabytes} MB.", pruned.points, pruned.parts));
    Ok(())
}
