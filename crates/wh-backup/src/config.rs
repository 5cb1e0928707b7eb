//! The `[backup]` section: where, with which key, how often, how long. Reads no file.
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use wh_base::config::{Holds, Key as Setting, Section, about};
use wh_base::{Error, Random, Result, Secret};

use crate::codes;
use crate::follow::Steps;
use crate::prune::Retention;
use crate::repository::Repository;
use crate::status::Status;
use crate::store::{Addressing, S3, Store, Target, Transport};

/// `[backup]`.
pub const SECTION: Section = Section {
    name: "backup",
    doc: "Backups of Wheelhouse itself: docs/backup.md. With target and key_file set, the server makes them by itself.",
    keys: &[
        Setting::optional(
            "target",
            Holds::Text,
            "Where backups lie: a folder, best on another disk or machine, or s3://BUCKET/PREFIX.",
        ),
        Setting::optional(
            "key_file",
            Holds::Text,
            "The key that encrypts them, written by `wheelhouse backup key`. Keep a copy elsewhere: without it nobody can restore.",
        ),
        Setting::optional(
            "s3_endpoint",
            Holds::Text,
            "Address of the object store, for example https://s3.example.com; Amazon's own for the region if unset.",
        ),
        Setting::new(
            "s3_region",
            Holds::Text,
            "\"us-east-1\"",
            "The bucket's region; part of every signature.",
        ),
        Setting::new(
            "s3_path_style",
            Holds::Boolean,
            "true",
            "Whether the bucket stands behind the host (https://host/bucket) or before it (https://bucket.host).",
        ),
        Setting::new(
            "s3_allow_http",
            Holds::Boolean,
            "false",
            "Whether s3_endpoint may be plain http. Content is sealed all the same; names, sizes and the key's id are not.",
        ),
        Setting::optional("s3_access_key_id", Holds::Text, "Who asks: the id of a key of the object store."),
        Setting::optional(
            "s3_secret_access_key",
            Holds::Text,
            "The secret of that key. Best by WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY, or in a file that only this user may read.",
        )
        .secret(),
        Setting::optional(
            "s3_session_token",
            Holds::Text,
            "The token that belongs to a key which ends soon.",
        )
        .secret(),
        Setting::new(
            "step_every_s",
            Holds::Integer { min: 0, max: 60 },
            "15",
            "Seconds between two points of the embedded database: how much work the loss of this machine may cost. 0 makes full points only.",
        ),
        Setting::new(
            "full_every_h",
            Holds::Integer { min: 1, max: 720 },
            "24",
            "Hours between two full points; at most keep_steps_h.",
        ),
        Setting::new(
            "verify_every_h",
            Holds::Integer { min: 0, max: 720 },
            "24",
            "Hours between two proofs: the newest point is restored into a scratch folder and checked. 0 for never.",
        ),
        Setting::optional(
            "scratch_dir",
            Holds::Text,
            "Folder for proofs, with room for database and objects; \"scratch\" in the data folder if unset.",
        ),
        Setting::optional(
            "scratch_url",
            Holds::Text,
            "PostgreSQL: URL of a login that may make databases, on a server where the four logins exist; a proof loads its archive there. Without it the server makes no proofs of PostgreSQL.",
        )
        .secret(),
        Setting::new(
            "keep_days",
            Holds::Integer { min: 1, max: 36_500 },
            "30",
            "Days that full points are kept; at least as long as keep_steps_h.",
        ),
        Setting::new(
            "keep_full_min",
            Holds::Integer { min: 1, max: 10_000 },
            "7",
            "So many of the newest full points are kept, however old they are.",
        ),
        Setting::new(
            "keep_steps_h",
            Holds::Integer { min: 1, max: 8_760 },
            "168",
            "Hours back to which every moment can be restored, not only those of full points.",
        ),
    ],
};

/// `[backup]`, read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupConfig {
    /// The place.
    pub target: Option<String>,
    /// The key.
    pub key_file: Option<PathBuf>,
    /// Address of the object store.
    pub s3_endpoint: Option<String>,
    /// The bucket's region.
    pub s3_region: String,
    /// Whether the bucket stands behind the host.
    pub s3_path_style: bool,
    /// Whether the endpoint may be plain HTTP.
    pub s3_allow_http: bool,
    /// Who asks.
    pub s3_access_key_id: Option<String>,
    /// What signs.
    pub s3_secret_access_key: Option<Secret<String>>,
    /// Of credentials that end soon.
    pub s3_session_token: Option<Secret<String>>,
    /// Seconds between two steps.
    pub step_every_s: u64,
    /// Hours between two full points.
    pub full_every_h: u64,
    /// Hours between two proofs.
    pub verify_every_h: u64,
    /// Where proofs are made.
    pub scratch_dir: Option<PathBuf>,
    /// PostgreSQL for proofs.
    pub scratch_url: Option<Secret<String>>,
    /// Days that full points are kept.
    pub keep_days: u32,
    /// Full points that are kept at least.
    pub keep_full_min: usize,
    /// Hours that steps are kept.
    pub keep_steps_h: u32,
}

impl BackupConfig {
    /// Whether the server makes backups by itself.
    pub fn is_set(&self) -> bool {
        self.target.is_some()
    }

    /// Open the place, which must hold backups.
    pub fn open(&self, random: Arc<dyn Random>) -> Result<Repository> {
        let (store, key) = self.store_and_key(&random)?;
        Repository::open(store, key, random)
    }

    /// Open the place, or begin there.
    pub fn open_or_make(&self, random: Arc<dyn Random>) -> Result<Repository> {
        let (store, key) = self.store_and_key(&random)?;
        Repository::open_or_make(store, key, random)
    }

    /// Open the place, or begin there, as a server does it by itself: not in a folder that is empty and was not when it was last written
    /// into. A mount that is away leaves such a one behind, and backups on the disk that they are to outlive are none.
    pub fn open_or_begin(&self, random: Arc<dyn Random>, status: &Status) -> Result<Repository> {
        let (store, key) = self.store_and_key(&random)?;
        if store.may_be_away() && !Repository::is_begun(&store)? {
            status.must_not_have_kept_in(&store.words())?;
        }
        Repository::open_or_make(store, key, random)
    }

    /// What can be wrong without a look at the place, each with its keys: told at the start, not at the first backup.
    pub fn check(&self, steps: Steps) -> Vec<Error> {
        let place = self.check_place().map_err(|error| {
            if error.fields().is_empty() { about(error, &["backup.target"]) } else { error }
        });
        let key = match &self.key_file {
            None => self.needed().map(drop).map_err(|error| about(error, &["backup.target"])),
            Some(file) => {
                crate::Key::read(file).map(drop).map_err(|error| about(error, &["backup.key_file"]))
            }
        };
        [place, self.check_retention(steps), key].into_iter().filter_map(Result::err).collect()
    }

    fn check_place(&self) -> Result<()> {
        let Some(target) = &self.target else { return self.needed().map(drop) };
        match Target::parse(target)? {
            Target::Folder(_) => Ok(()),
            Target::Bucket(name) => self.s3()?.check(&name),
        }
    }

    /// Whether what is kept fits to what is made. Steps that go while the full point that they follow is still the newest one would
    /// leave a hole behind it, and steps are of no use without the full point before them.
    pub fn check_retention(&self, steps: Steps) -> Result<()> {
        let Self { full_every_h, keep_days, keep_steps_h, .. } = self;
        if steps == Steps::None {
            return Ok(());
        }
        let (told, keys) = if u64::from(*keep_steps_h) < *full_every_h {
            let told = format!(
                "backup.keep_steps_h is {keep_steps_h} and must not be less than backup.full_every_h, which is {full_every_h}"
            );
            (told, ["backup.keep_steps_h", "backup.full_every_h"])
        } else if u64::from(*keep_days) * 24 < u64::from(*keep_steps_h) {
            let told = format!(
                "backup.keep_days is {keep_days}, less than the {keep_steps_h} hours of backup.keep_steps_h: steps need their full point"
            );
            (told, ["backup.keep_days", "backup.keep_steps_h"])
        } else {
            return Ok(());
        };
        Err(about(wh_base::codes::CONFIG.error(told), &keys))
    }

    /// The place itself, without the key to what is in it.
    pub fn store(&self, random: &Arc<dyn Random>) -> Result<Store> {
        let (target, _) = self.needed()?;
        match Target::parse(target)? {
            Target::Folder(folder) => Ok(Store::folder(&folder)),
            Target::Bucket(name) => Store::bucket(&name, &self.s3()?, Arc::clone(random)),
        }
    }

    fn store_and_key(&self, random: &Arc<dyn Random>) -> Result<(Store, crate::Key)> {
        let (_, key) = self.needed()?;
        Ok((self.store(random)?, crate::Key::read(key)?))
    }

    /// The object store and who asks it.
    fn s3(&self) -> Result<S3> {
        let (Some(access_key_id), Some(secret_access_key)) =
            (self.s3_access_key_id.clone(), self.s3_secret_access_key.clone())
        else {
            let message = "a bucket needs s3_access_key_id and s3_secret_access_key, in [backup] or by WHEELHOUSE_BACKUP_S3_ACCESS_KEY_ID and WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY";
            let keys = ["backup.s3_access_key_id", "backup.s3_secret_access_key", "backup.target"];
            return Err(about(codes::NOT_CONFIGURED.error(message), &keys));
        };
        Ok(S3 {
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            addressing: if self.s3_path_style { Addressing::Path } else { Addressing::Host },
            transport: if self.s3_allow_http { Transport::PlainToo } else { Transport::Tls },
            access_key_id,
            secret_access_key,
            session_token: self.s3_session_token.clone(),
        })
    }

    fn needed(&self) -> Result<(&str, &PathBuf)> {
        let target = self
            .target
            .as_deref()
            .ok_or_else(|| codes::NOT_CONFIGURED.error("no target for backups is set"))?;
        let key = self
            .key_file
            .as_ref()
            .ok_or_else(|| codes::NOT_CONFIGURED.error("no key file for backups is set"))?;
        Ok((target, key))
    }

    /// What stays.
    pub fn retention(&self) -> Retention {
        Retention {
            keep_days: self.keep_days,
            keep_full_min: self.keep_full_min,
            keep_steps_h: self.keep_steps_h,
            full_every_h: u32::try_from(self.full_every_h).unwrap_or(u32::MAX),
        }
    }
}
