//! `wheelhouse backup prune`: removes points of this data folder, or what an installation left that was given up.
use std::sync::Arc;

use uuid::Uuid;
use wh_backup::{DataFolder, OthersKeep, Pruned, Status, codes};
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

/// As much as of one's own; the last point that was proven here stays too, which may have been before a restored folder went on.
pub fn kept_of_others(settings: &Settings) -> Result<OthersKeep> {
    settings.backup.check_retention(settings.backup_steps())?;
    let proven = Status::read(&settings.data_dir)?.last_verified.and_then(|proven| proven.point.parse().ok());
    Ok(OthersKeep::Retained(settings.backup.retention(), proven))
}

/// What another installation does not keep.
pub fn other(
    settings: &Settings,
    installation: Uuid,
    keep: OthersKeep,
    clock: &dyn Clock,
    random: Arc<dyn Random>,
) -> Result<()> {
    let data = DataFolder::new(&settings.data_dir);
    data.must_not_be_restored()?;
    if data.installation()? == Some(installation) {
        if keep == OthersKeep::Nothing {
            let message = format!("{installation} is {}, which makes backups", settings.data_dir.display());
            return Err(codes::INSTALLATION_ALIVE.error(message));
        }
        return own(settings, clock, random);
    }
    let repository = settings.backup.open(random)?;
    print_pruned(wh_backup::prune_other(&repository, installation, keep, clock.now())?);
    Ok(())
}

fn print_pruned(pruned: Pruned) {
    let (points, parts, megabytes) = (pruned.points, pruned.parts, megabytes(pruned.bytes));
    print::line(&format!("Removed {points} points and {parts} parts, {megabytes} MB."));
}
