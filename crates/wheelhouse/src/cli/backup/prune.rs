//! `wheelhouse backup prune`: removes points of this data folder, or what an installation left that was given up.
use std::sync::Arc;

use uuid::Uuid;
use wh_backup::{DataFolder, Pruned, Status};
use wh_base::{Clock, Random, Result};

use super::megabytes;
use crate::print;
use crate::settings::Settings;

/// What of this data folder's own points the settings do not keep.
pub fn own(settings: &Settings, clock: &dyn Clock, random: Arc<dyn Random>) -> Result<()> {
    let (backup, data) = (&settings.backup, DataFolder::new(&settings.data_dir));
    backup.check_retention(settings.backup_steps())?;
    data.must_not_be_restored()?;
    let (repository, of) = (backup.open(random)?, data.installation()?);
    print_pruned(wh_backup::prune(&repository, backup.retention(), of, clock.now())?);
    Ok(())
}

/// What another installation does not keep: as much stays as of one's own, and the last point that was proven here, which may have been
/// before a restored folder went on.
pub fn other(
    settings: &Settings,
    installation: Uuid,
    clock: &dyn Clock,
    random: Arc<dyn Random>,
) -> Result<()> {
    let data = DataFolder::new(&settings.data_dir);
    if data.installation()? == Some(installation) {
        return own(settings, clock, random);
    }
    let backup = &settings.backup;
    backup.check_retention(settings.backup_steps())?;
    data.must_not_be_restored()?;
    let proven = Status::read(&settings.data_dir)?.last_verified.and_then(|proven| proven.point.parse().ok());
    let repository = backup.open(random)?;
    let pruned = wh_backup::prune_other(&repository, installation, backup.retention(), proven, clock.now())?;
    print_pruned(pruned);
    Ok(())
}

fn print_pruned(pruned: Pruned) {
    let (points, parts, megabytes) = (pruned.points, pruned.parts, megabytes(pruned.bytes));
    print::line(&format!("Removed {points} points and {parts} parts, {megabytes} MB."));
}
