//! Whose the object store is. Objects are removed because the database does not name them, so both must be of one installation: with another
//! database, or a new one, everything there would look like left over.
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use uuid::Uuid;
use wh_base::{Error, Result, Timestamp};
use wh_contract::{DatasetId, TenantId};
use wh_db::SystemDb;

use crate::codes;
use crate::datasets::Datasets;
use crate::segment::{Mark, Objects, ROOT};
use crate::sweep_catalog as catalog;

/// Objects after which the database is asked whether it knows one of them.
const LOOKED_AT_MAX: usize = 1_000;
/// By how much the clocks of store and server may differ.
const CLOCKS_APART_S: i64 = 300;
/// The word for a store without a mark, or with one that says not whose it is.
const UNMARKED: &str = "unmarked";

/// What the database says of the objects in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There are none.
    Empty,
    /// It knows the dataset of one at least.
    Known,
    /// It knows none of their datasets.
    Unknown,
}

impl Datasets {
    /// Takes the store for the installation of this database, before the first import and the first sweep. One of another installation is refused,
    /// unless `adopt` says its word: that of the refusal.
    pub async fn store_take(&self, system: &SystemDb, adopt: Option<&str>) -> Result<()> {
        let own = system.installation().await?;
        if let Some(foreign) = self.foreign(system, own).await? {
            if adopt != Some(foreign.word.as_str()) {
                return Err(foreign.error(own));
            }
            tracing::warn!(
                store = foreign.word,
                installation = %own,
                "an object store of another installation is taken over, as store_adopt in [dataset] says"
            );
        }
        self.0.objects.mark_as(own).await
    }

    /// A store that changed hands while the server ran is not swept.
    pub(crate) async fn store_is_own(&self, system: &SystemDb) -> Result<()> {
        let own = system.installation().await?;
        match self.0.objects.mark().await? {
            Mark::Of(other) if other != own => Err(Foreign::of(other).error(own)),
            Mark::Of(_) | Mark::Nameless | Mark::Missing => Ok(()),
        }
    }

    /// Why the store is not this database's. One that holds nothing may be anybody's.
    async fn foreign(&self, system: &SystemDb, own: Uuid) -> Result<Option<Foreign>> {
        let mark = self.0.objects.mark().await?;
        if mark == Mark::Of(own) {
            return Ok(None);
        }
        let standing = self.standing(system).await?;
        // Older builds removed the row of the last dataset that was deleted a day before its objects.
        if matches!(mark, Mark::Missing | Mark::Nameless)
            && standing == Standing::Unknown
            && self.is_of_known_companies(system).await?
        {
            tracing::warn!(
                "an object store without a mark is taken over: the trail of its companies goes on behind its objects"
            );
            return Ok(None);
        }
        Ok(match (mark, standing) {
            (_, Standing::Empty) | (Mark::Missing | Mark::Nameless, Standing::Known) => None,
            (Mark::Missing | Mark::Nameless, Standing::Unknown) => Some(Foreign {
                word: UNMARKED.to_owned(),
                what: "the objects bear no installation's mark, and the database knows none of them"
                    .to_owned(),
            }),
            (Mark::Of(other), Standing::Known) => Some(Foreign::known(other)),
            (Mark::Of(other), Standing::Unknown) => Some(Foreign::of(other)),
        })
    }

    /// Whether the database knows the company of every object in the store, and its trail goes on behind the object: where the object's
    /// dataset was deleted, that is a line. A new database, or another's, knows none; one that was rolled back ends before.
    async fn is_of_known_companies(&self, system: &SystemDb) -> Result<bool> {
        let mut lasts = HashMap::new();
        let mut objects = Box::pin(self.0.objects.list(ROOT));
        while let Some(object) = objects.try_next().await? {
            let Some((tenant, _)) = owner(&object.path) else { continue };
            let last = match lasts.entry(tenant) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(system.tenant_last(tenant).await?),
            };
            let is_behind =
                |last: Timestamp| object.modified.micros() <= last.plus_seconds(CLOCKS_APART_S).micros();
            if !last.is_some_and(is_behind) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks no further than to the first objects that are known.
    pub(crate) async fn standing(&self, system: &SystemDb) -> Result<Standing> {
        let mut standing = Standing::Empty;
        let (mut owners, mut looked_at) = (HashSet::new(), 0);
        let mut objects = Box::pin(self.0.objects.list(ROOT));
        while let Some(object) = objects.try_next().await? {
            let Some(owner) = owner(&object.path) else { continue };
            standing = Standing::Unknown;
            owners.insert(owner);
            looked_at += 1;
            if looked_at == LOOKED_AT_MAX {
                if knows_one(system, &owners).await? {
                    return Ok(Standing::Known);
                }
                owners.clear();
                looked_at = 0;
            }
        }
        Ok(if knows_one(system, &owners).await? { Standing::Known } else { standing })
    }
}

impl Objects {
    /// Which installation the objects are of; nothing where there are none, or where the mark does not say.
    pub async fn installation(&self) -> Result<Option<Uuid>> {
        let Mark::Of(id) = self.mark().await? else { return Ok(None) };
        let first = Box::pin(self.list(ROOT)).try_next().await?;
        Ok(first.map(|_| id))
    }
}

/// A store that is not this installation's.
struct Foreign {
    /// What consents to taking it over.
    word: String,
    /// Whose it is, as far as that is known.
    what: String,
}

impl Foreign {
    fn of(other: Uuid) -> Self {
        Self { word: other.to_string(), what: format!("the objects are of installation {other}") }
    }

    /// An older copy of the other's database, made before it had an id, and a clone that runs beside it look alike.
    fn known(other: Uuid) -> Self {
        let Self { word, what } = Self::of(other);
        let what = format!(
            "{what}, and the database knows datasets of them: it may be an older copy of that installation's"
        );
        Self { word, what }
    }

    fn error(&self, own: Uuid) -> Error {
        let Self { word, what } = self;
        codes::STORE_FOREIGN.error(format!(
            "{what}; the database is of installation {own} (the word for store_adopt: {word})"
        ))
    }
}

async fn knows_one(system: &SystemDb, owners: &HashSet<(TenantId, DatasetId)>) -> Result<bool> {
    if owners.is_empty() {
        return Ok(false);
    }
    let mut reads = system.read("whose the objects are").await?;
    for (tenant, dataset) in owners {
        if catalog::is_known(&mut reads, *tenant, *dataset).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whose an object is, by its path `tenants/<tenant>/datasets/<dataset>/<name>`; none for what is not ours.
pub(crate) fn owner(path: &str) -> Option<(TenantId, DatasetId)> {
    let mut steps = path.split('/');
    let (root, tenant) = (steps.next()?, steps.next()?);
    let (kind, dataset, _name) = (steps.next()?, steps.next()?, steps.next()?);
    (root == ROOT && kind == "datasets").then_some(())?;
    Some((tenant.parse().ok()?, dataset.parse().ok()?))
}
