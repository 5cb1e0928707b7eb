//! `wheelhouse backup`: make, list, prove, restore and forget points of this data folder. Works while the server runs.
mod prune;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use uuid::Uuid;
use wh_backup::{BackupConfig, Chosen, DataFolder, Key, PointName, Repository, Status, Wanted, codes};
use wh_base::{Clock, Random, Result, Secret, Timestamp};

use super::{CommonFlags, with_password};
use crate::compose::{self, Inputs};
use crate::settings::{Engine, Settings};
use crate::{data_dir, print};

/// Below the data folder. Folders there are not backed up.
const SCRATCH_FOLDER: &str = "scratch";

/// What can be done with backups.
#[derive(Subcommand)]
pub enum Verb {
    /// Make a key and write it into a new file; keep a copy of it where the backups are not
    Key {
        /// The file to make
        file: PathBuf,
    },
    /// Make a full point now; stores only what is new
    Create(Flags),
    /// Show the points, oldest first
    List {
        #[command(flatten)]
        flags: Flags,
        /// As JSON, one line per point
        #[arg(long)]
        json: bool,
    },
    /// Restore a point into a scratch folder, check everything in it, remove it again
    Verify {
        #[command(flatten)]
        flags: Flags,
        #[command(flatten)]
        which: Which,
        /// Folder with room for it [default: `scratch_dir` of [backup]]
        #[arg(long, value_name = "DIR")]
        scratch: Option<PathBuf>,
        /// PostgreSQL: a login that may make databases, for a scratch database [default: `scratch_url` of [backup]]
        #[arg(long, value_name = "URL")]
        scratch_url: Option<String>,
        /// File with that login's password, for a URL without one: no password on the command line
        #[arg(long, value_name = "FILE", requires = "scratch_url")]
        scratch_password_file: Option<PathBuf>,
    },
    /// Make a data folder from a point
    ///
    /// wheelhouse backup restore --into ./data --at 2026-11-21T14:05:00Z
    Restore {
        #[command(flatten)]
        flags: Flags,
        #[command(flatten)]
        which: Which,
        /// The folder to make; it must not exist or be empty
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
    /// PostgreSQL: load the archive of a restored folder into the database that `wheelhouse db init` has just made for it
    Load(CommonFlags),
    /// Let a restored data folder make backups, as an installation of its own, in place of the one that was backed up
    Resume(CommonFlags),
    /// Remove points that are older than the settings keep, and what only they needed
    ///
    /// wheelhouse backup prune --installation 0199c0de-7a11-4bac-8e57-5eed5eed5eed
    Prune {
        #[command(flatten)]
        flags: Flags,
        /// Of the points of this installation, which has been given up: its newest and its last proven ones stay
        #[arg(long, value_name = "ID")]
        installation: Option<Uuid>,
    },
}

/// Where backups lie.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    #[command(flatten)]
    common: CommonFlags,
    /// Where backups lie [default: target of [backup]]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX")]
    target: Option<String>,
    /// The key [default: `key_file` of [backup]]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

/// Which point; the newest without any of them.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub struct Which {
    /// The newest point not later than this moment, for example 2026-11-21T14:05:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    at: Option<Timestamp>,
    /// The point with this id or beginning of an id
    #[arg(long, value_name = "ID")]
    point: Option<String>,
}

fn moment(text: &str) -> std::result::Result<Timestamp, String> {
    serde_json::from_value(serde_json::Value::from(text))
        .map_err(|_| "must be a moment with its zone, like 2026-11-21T14:05:00Z".to_owned())
}

impl Flags {
    fn settings(&self) -> Result<Settings> {
        let mut sources = self.common.sources();
        let flags = [("backup.target", &self.target), ("backup.key_file", &self.key_file)];
        let given = flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        sources.flags.extend(given);
        Settings::load(&sources)
    }
}

impl Flags {
    /// Whether it is the place that the settings name, whatever the command line says. Another one than the server writes into says
    /// nothing about the server's backups.
    fn is_own_place(&self, settings: &Settings) -> Result<bool> {
        let own = Settings::load(&self.common.sources())?.backup.target;
        Ok(own.is_none() || own == settings.backup.target)
    }
}

impl Which {
    fn find(&self, repository: &Repository, clock: &dyn Clock, data: &DataFolder) -> Result<PointName> {
        if let Some(id) = &self.point {
            return repository.point_by_id(id);
        }
        let Chosen { point, ahead } =
            repository.choose(&Wanted { at: self.at, now: clock.now(), of: data.installation()? })?;
        if ahead > 0 {
            print::notice(&format!(
                "{ahead} points are dated later than now, by a clock that was ahead, and passed over; --point names one."
            ));
        }
        Ok(point)
    }
}

/// Do it.
pub fn run(verb: &Verb) -> Result<()> {
    let Inputs { clock, random, .. } = Inputs::of_this_machine();
    match verb {
        Verb::Key { file } => {
            Key::make(file, &*random)?;
            print::line(&format!("{} holds a new key.", file.display()));
            print::notice("Keep a copy where the backups are not: without it nobody can restore them.");
            Ok(())
        }
        Verb::Create(flags) => create(&flags.settings()?, &*clock, random),
        Verb::List { flags, json } => list(&flags.settings()?.backup.open(random)?, *json),
        Verb::Verify { flags, which, scratch, scratch_url, scratch_password_file } => {
            let mut settings = flags.settings()?;
            if let Some(url) = scratch_url {
                settings.backup.scratch_url = Some(match scratch_password_file {
                    Some(file) => with_password(url, file, "--scratch-url")?,
                    None => Secret::new(url.clone()),
                });
            }
            verify(flags, &settings, which, scratch.as_ref(), &*clock, random)
        }
        Verb::Restore { flags, which, into } => restore(&flags.settings()?, which, into, &*clock, random),
        Verb::Load(flags) => load(&Settings::load(&flags.sources())?, &*random),
        Verb::Resume(flags) => resume(&Settings::load(&flags.sources())?, &*random),
        Verb::Prune { flags, installation } => {
            prune::prune(&flags.settings()?, *installation, &*clock, random)
        }
    }
}

fn restore(
    settings: &Settings,
    which: &Which,
    into: &Path,
    clock: &dyn Clock,
    random: Arc<dyn Random>,
) -> Result<()> {
    let repository = settings.backup.open(random)?;
    let point = which.find(&repository, clock, &DataFolder::new(&settings.data_dir))?;
    let restored = wh_backup::restore(&repository, &point, into)?;
    print::line(&format!(
        "Restored the moment {} into {}: {} MB, {} objects.",
        restored.point.at,
        into.display(),
        megabytes(restored.bytes),
        restored.objects
    ));
    print::notice(&format!(
        "It makes no backups until it is to take the place of the old one: wheelhouse backup resume --data-dir {}",
        into.display()
    ));
    if let Some(archive) = restored.archive {
        print::notice(&format!("The database is the archive {}. To load it:", archive.display()));
        print::notice(&format!(
            "  wheelhouse db init --repoint --data-dir {} --admin-url URL",
            into.display()
        ));
        print::notice(&format!("  wheelhouse backup load --data-dir {}", into.display()));
    }
    Ok(())
}

fn resume(settings: &Settings, random: &dyn Random) -> Result<()> {
    if !settings.data_dir.is_dir() {
        let message = format!("there is no folder {}", settings.data_dir.display());
        return Err(data_dir::UNUSABLE.error(message));
    }
    let data = DataFolder::new(&settings.data_dir);
    let former = data.installation()?;
    let resumed = data.resume(random)?;
    let is_set = settings.backup.is_set();
    if !resumed && !is_set {
        let message = format!("{} makes no backups: no target is set", settings.data_dir.display());
        return Err(codes::NOT_CONFIGURED.error(message));
    }
    Status::resumed(&settings.data_dir)?;
    print::line(if resumed {
        "Backups go on from here with the server's next start, as those of an installation of its own."
    } else {
        "This folder makes its backups already."
    });
    if let Some(former) = former.filter(|_| resumed) {
        print::notice(&format!(
            "The points made before stay those of the one that was backed up. Once it is given up: wheelhouse backup prune --installation {former}"
        ));
    }
    if !is_set {
        print::notice("No target is set here: set target and key_file in [backup] before that start.");
    }
    Ok(())
}

fn create(settings: &Settings, clock: &dyn Clock, random: Arc<dyn Random>) -> Result<()> {
    let data = DataFolder::new(&settings.data_dir);
    data.must_not_be_restored()?;
    let repository = settings.backup.open_or_make(random)?;
    let created = match settings.database.engine {
        Engine::Sqlite => {
            let known = repository.known_objects(data.installation_or(repository.new_id()?)?)?;
            wh_backup::create_full(&repository, &data, clock, &known, compose::MIGRATIONS)?
        }
        Engine::Postgres => {
            let urls = settings.database.postgres_urls()?;
            let scratch = scratch_dir(&settings.backup, &settings.data_dir);
            let known = compose::MIGRATIONS;
            wh_backup::create_full_postgres(&repository, &data, clock, &urls.sys_url, &scratch, known)?
        }
    };
    let written = repository.written();
    Status::succeeded(data.path(), clock.now(), created.point.at, &created.point, &repository.words())?;
    print::line(&format!(
        "Point {} keeps the moment {}: {} MB, {} objects; {} new parts, {} MB written to {}.",
        created.point.id,
        created.point.at,
        megabytes(created.bytes),
        created.objects.len(),
        written.parts,
        megabytes(written.bytes),
        repository.words()
    ));
    Ok(())
}

#[expect(clippy::fn_params_excessive_bools, reason = "the flag as it was typed")]
fn list(repository: &Repository, json: bool) -> Result<()> {
    let points = repository.points()?;
    for point in &points {
        let of = repository.installation_of(point, &points)?;
        if json {
            let line = serde_json::json!({
                "id": point.id, "at": point.at, "kind": point.kind, "full": point.full, "number": point.number, "installation": of,
            });
            print::line(&line.to_string());
        } else {
            let of = of.map_or_else(String::new, |of| format!("  {of}"));
            print::line(&format!("{}  {:<4}  {}{of}", point.id, point.kind.word(), point.at));
        }
    }
    Ok(())
}

/// Prove a point, and remember it where that says how the backups of this data folder stand.
fn verify(
    flags: &Flags,
    settings: &Settings,
    which: &Which,
    scratch: Option<&PathBuf>,
    clock: &dyn Clock,
    random: Arc<dyn Random>,
) -> Result<()> {
    let repository = settings.backup.open(random)?;
    let point = which.find(&repository, clock, &DataFolder::new(&settings.data_dir))?;
    // Before the proof: meanwhile a running server makes newer ones.
    let speaks = flags.is_own_place(settings)? && speaks_for(settings, &repository, &point, clock)?;
    let scratch = scratch.cloned().unwrap_or_else(|| scratch_dir(&settings.backup, &settings.data_dir));
    let proven = match &settings.backup.scratch_url {
        Some(url) => {
            let now = clock.now();
            wh_backup::verify_postgres(&repository, &point, &scratch, url, now, compose::MIGRATIONS)
        }
        None => wh_backup::verify(&repository, &point, &scratch, compose::MIGRATIONS),
    };
    let proof = match proven {
        Ok(proof) => proof,
        Err(error) => {
            // A running server learns it from there, and makes a point that does not hang on this one.
            if speaks
                && codes::BROKEN.iter().any(|code| error.is(code))
                && Status::unproven(&settings.data_dir, clock.now(), &error).is_err()
            {
                print::notice("The data folder cannot be written, so a running server is not told.");
            }
            return Err(error);
        }
    };
    print::line(&format!(
        "Point {} is whole: restored the moment {} in {} ms, {} rows in {} tables, {} objects, {} MB.",
        proof.point.id,
        proof.point.at,
        proof.took_ms,
        proof.rows,
        proof.tables,
        proof.objects,
        megabytes(proof.bytes)
    ));
    if speaks { Status::verified(&settings.data_dir, clock.now(), &proof) } else { Ok(()) }
}

/// Whether a point says how the backups of this data folder stand now. A proof of an earlier one must not hide that one of a later one
/// failed, and on another machine, where no data folder is, there is nothing to remember it in.
fn speaks_for(
    settings: &Settings,
    repository: &Repository,
    point: &PointName,
    clock: &dyn Clock,
) -> Result<bool> {
    if !settings.data_dir.is_dir() {
        return Ok(false);
    }
    let of = DataFolder::new(&settings.data_dir).installation()?;
    let whose = repository.installation_of(point, &repository.points()?)?;
    if whose.is_some() && whose != of {
        return Ok(false);
    }
    match repository.choose(&Wanted { at: None, now: clock.now(), of }) {
        Ok(newest) => Ok(newest.point == *point),
        Err(error) if error.is(&codes::POINT_UNKNOWN) => Ok(false),
        Err(error) if error.is(&codes::INSTALLATIONS) => Ok(false),
        Err(error) => Err(error),
    }
}

fn load(settings: &Settings, random: &dyn Random) -> Result<()> {
    let archive = settings.data_dir.join(wh_backup::ARCHIVE_FILE);
    if !archive.is_file() {
        let folder = settings.data_dir.display();
        return Err(codes::SOURCE.error(format!("{folder} holds no {}", wh_backup::ARCHIVE_FILE)));
    }
    let urls = settings.database.postgres_urls()?;
    let scratch = scratch_dir(&settings.backup, &settings.data_dir);
    wh_backup::load_postgres(&archive, &urls.owner_url, &urls.sys_url, &scratch, random)?;
    print::line(&format!("{} is loaded; it may be removed.", archive.display()));
    Ok(())
}

/// Where archives and proofs are made: in the data folder, which a server may write also where it may write nothing else.
pub fn scratch_dir(config: &BackupConfig, data: &Path) -> PathBuf {
    let own = || if data.is_dir() { data.join(SCRATCH_FOLDER) } else { std::env::temp_dir() };
    config.scratch_dir.clone().unwrap_or_else(own)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
