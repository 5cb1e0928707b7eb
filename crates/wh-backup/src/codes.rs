//! The error codes of backup and restore. Raises none itself.
use wh_base::{ErrorCode, Kind};

/// No target or no key.
pub const NOT_CONFIGURED: ErrorCode = ErrorCode::new(
    "backup.not_configured",
    Kind::Invalid,
    "it is not said where backups lie or which key opens them",
    "set target and key_file in [backup], or give --target and --key-file; `wheelhouse backup key` makes a key",
);
/// The key file cannot be used.
pub const KEY: ErrorCode = ErrorCode::new(
    "backup.key",
    Kind::Invalid,
    "the key file cannot be used",
    "name the file that `wheelhouse backup key` wrote, readable by this user",
);
/// A key cannot be written into this file.
pub const KEY_FILE: ErrorCode = ErrorCode::new(
    "backup.key_file",
    Kind::Conflict,
    "the new key cannot be written into this file",
    "name a file that is not there yet, in a folder that is there and that this user may write; a key is never overwritten",
);
/// Another key made these backups.
pub const KEY_WRONG: ErrorCode = ErrorCode::new(
    "backup.key_wrong",
    Kind::Forbidden,
    "the key does not open these backups",
    "use the key with which they were made; without it nobody can read them",
);
/// The target cannot be read or written.
pub const STORE: ErrorCode = ErrorCode::new(
    "backup.store",
    Kind::Unavailable,
    "the place of the backups cannot be read or written",
    "check that it is there, has room, and that this user may read and write it",
);
/// What was kept in the place is not there any more.
pub const PLACE_GONE: ErrorCode = ErrorCode::new(
    "backup.place_gone",
    Kind::Unavailable,
    "the place of the backups does not hold what was kept there",
    "mount it, or bring its content back from a copy: the server then makes a full point; to begin anew in the empty place, run `wheelhouse backup create`",
);
/// Target or object store are not described as they must be.
pub const PLACE: ErrorCode = ErrorCode::new(
    "backup.place",
    Kind::Invalid,
    "the place of the backups is not described as it must be",
    "target is a folder or s3://BUCKET/PREFIX; the keys of [backup] that begin with s3_ say where the object store is and who asks",
);
/// The object store does not answer.
pub const AWAY: ErrorCode = ErrorCode::new(
    "backup.store_away",
    Kind::Unavailable,
    "the object store of the backups does not answer",
    "check s3_endpoint and the network between here and there; the server tries again by itself, and the next backup is whole",
);
/// The object store refuses our key.
pub const REFUSED: ErrorCode = ErrorCode::new(
    "backup.store_refused",
    Kind::Forbidden,
    "the object store of the backups refuses access",
    "check s3_access_key_id, s3_secret_access_key and s3_region, that this key may list, read, write and delete there, and this machine's clock",
);
/// There is no such bucket.
pub const BUCKET_MISSING: ErrorCode = ErrorCode::new(
    "backup.bucket_missing",
    Kind::NotFound,
    "there is no such bucket",
    "make the bucket, or name the right one in target; a wrong s3_endpoint or s3_region leads to another store",
);
/// A part is there and is not what was written.
pub const PART_DAMAGED: ErrorCode = ErrorCode::new(
    "backup.part_damaged",
    Kind::Internal,
    "a part of the backup is damaged",
    "restore another point, or bring the named part back from a copy of the backup folder; then make a new backup",
);
/// A part is not there.
pub const PART_MISSING: ErrorCode = ErrorCode::new(
    "backup.part_missing",
    Kind::NotFound,
    "a part of the backup is missing",
    "restore another point, or bring the named part back from a copy of the backup folder; then make a new backup",
);
/// Made by a newer program.
pub const FORMAT_NEWER: ErrorCode = ErrorCode::new(
    "backup.format_newer",
    Kind::Conflict,
    "the backup was made by a newer version of Wheelhouse",
    "use the version that made it, or a newer one",
);
/// There is no such point.
pub const POINT_UNKNOWN: ErrorCode = ErrorCode::new(
    "backup.point_unknown",
    Kind::NotFound,
    "there is no such point",
    "`wheelhouse backup list` shows the points and the moments they keep",
);
/// The folder to restore into holds something.
pub const TARGET_NOT_EMPTY: ErrorCode = ErrorCode::new(
    "backup.target_not_empty",
    Kind::Conflict,
    "the folder to restore into is not empty",
    "name a folder that does not exist or is empty; a restore never overwrites",
);
/// The folder to restore into cannot be written.
pub const TARGET: ErrorCode = ErrorCode::new(
    "backup.target",
    Kind::Unavailable,
    "the folder to restore into cannot be written",
    "check that the disk has room and that this user may write there",
);
/// What is to be written would leave the disk without room for the data.
pub const NO_ROOM: ErrorCode = ErrorCode::new(
    "backup.no_room",
    Kind::Unavailable,
    "the disk has not enough room for a restored copy or an archive",
    "make room there, or name a folder on another disk: scratch_dir in [backup] for proofs and archives, --into for a restore",
);
/// Another process makes a backup.
pub const RUNNING: ErrorCode = ErrorCode::new(
    "backup.running",
    Kind::Conflict,
    "another backup into this place is under way",
    "wait until it is done; what a machine that went away left in a bucket ends after two minutes",
);
/// The data folder cannot be read.
pub const SOURCE: ErrorCode = ErrorCode::new(
    "backup.source",
    Kind::Internal,
    "the data to back up cannot be read",
    "look at the named file; `wheelhouse backup verify` says whether the last backup is whole",
);
/// An object that the catalog names is gone.
pub const OBJECT_MISSING: ErrorCode = ErrorCode::new(
    "backup.object_missing",
    Kind::Internal,
    "an object that the database names is not in the data folder",
    "bring the named file back, or import its panel again; what else there is was not backed up this time",
);
/// The restored copy is not what was backed up.
pub const NOT_PROVEN: ErrorCode = ErrorCode::new(
    "backup.not_proven",
    Kind::Internal,
    "a restored copy is not what was backed up",
    "restore another point for use, keep this one for the report, and make a new backup",
);
/// The points of several installations lie in one place.
pub const INSTALLATIONS: ErrorCode = ErrorCode::new(
    "backup.installations",
    Kind::Conflict,
    "the place holds points of another installation, and it is not said whose are meant",
    "name a point with --point: `wheelhouse backup list` says whose each one is; give each installation a place of its own",
);
/// No point is of that installation.
pub const INSTALLATION_UNKNOWN: ErrorCode = ErrorCode::new(
    "backup.installation_unknown",
    Kind::NotFound,
    "the place holds no point of that installation",
    "`wheelhouse backup list` shows the installation behind each point",
);
/// The data folder is a restored one.
pub const RESTORED: ErrorCode = ErrorCode::new(
    "backup.restored",
    Kind::Conflict,
    "this data folder was restored from a backup, so it makes none until that is wanted",
    "where it takes the place of the one that was backed up, run `wheelhouse backup resume` and restart the server; otherwise take [backup] out of its settings",
);
/// The server ends.
pub const STOPPED: ErrorCode = ErrorCode::new(
    "backup.stopped",
    Kind::Unavailable,
    "the work on the backups was ended with the server",
    "nothing: the server begins it anew at its next start",
);
/// A program that is needed is not there.
pub const TOOL_MISSING: ErrorCode = ErrorCode::new(
    "backup.tool_missing",
    Kind::Unavailable,
    "a program of PostgreSQL is not installed",
    "install the client programs of PostgreSQL (Debian: postgresql-client) in the server's version or newer",
);
/// A program that is needed failed.
pub const TOOL_FAILED: ErrorCode = ErrorCode::new(
    "backup.tool_failed",
    Kind::Unavailable,
    "a program of PostgreSQL failed",
    "its own words stand in the message",
);

/// What a proof says of a point that nothing new may hang on.
pub const BROKEN: &[&ErrorCode] = &[&PART_DAMAGED, &PART_MISSING, &NOT_PROVEN];

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &NOT_CONFIGURED,
    &KEY,
    &KEY_FILE,
    &KEY_WRONG,
    &STORE,
    &PLACE_GONE,
    &PLACE,
    &AWAY,
    &REFUSED,
    &BUCKET_MISSING,
    &PART_DAMAGED,
    &PART_MISSING,
    &FORMAT_NEWER,
    &POINT_UNKNOWN,
    &TARGET_NOT_EMPTY,
    &TARGET,
    &NO_ROOM,
    &RUNNING,
    &SOURCE,
    &OBJECT_MISSING,
    &NOT_PROVEN,
    &INSTALLATIONS,
    &INSTALLATION_UNKNOWN,
    &RESTORED,
    &STOPPED,
    &TOOL_MISSING,
    &TOOL_FAILED,
];
