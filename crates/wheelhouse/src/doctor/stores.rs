//! What the doctor sees of database and object store.
use std::sync::Arc;

use bytes::Bytes;
use wh_base::{Result, Timestamp};
use wh_contract::TenantId;
use wh_dataset::segment::Objects;
use wh_db::{Context, Verdict};

use super::Finding;
use crate::compose::{self, Inputs};
use crate::settings::{Engine, Settings};

pub(super) async fn database(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let config = match compose::db_config(settings, &file(settings)) {
        Ok(config) => config,
        Err(error) => return vec![Finding::error("database", &error)],
    };
    let examined = wh_db::examine(&config, compose::MIGRATIONS, now).await;
    let finding = |found: wh_db::Examined| {
        let advice = found.advice.unwrap_or_default();
        match found.verdict {
            Verdict::Fine => Finding::ok(&found.what, found.found),
            Verdict::Doubtful => Finding::warn(&found.what, found.found, advice),
            Verdict::Broken => Finding::fail(&found.what, found.found, advice),
        }
    };
    examined.into_iter().map(finding).collect()
}

/// Whether the company is there whose owners shall operate the installation. Looked up only in a database that opening leaves as it is.
pub(super) async fn operator_company(settings: &Settings, database: &[Finding]) -> Option<Finding> {
    const CHECK: &str = "operator company";
    let id = settings.identity.operator_company?;
    let nowhere = settings.database.engine == Engine::Sqlite && !file(settings).exists();
    let is_current = |one: &Finding| one.check == wh_db::SCHEMA_CHECK && one.found == wh_db::SCHEMA_CURRENT;
    if !nowhere && !database.iter().any(is_current) {
        return None;
    }
    let there = if nowhere { Ok(false) } else { company_is_there(settings, id).await };
    Some(match there {
        Ok(true) => Finding::ok(CHECK, format!("{id} is there")),
        Ok(false) => Finding::warn(
            CHECK,
            format!("there is no company {id}: nobody operates the installation"),
            "set `operator_company` in [identity] to the id of a company (`wheelhouse me get`), or remove it: then it is the first one",
        ),
        Err(error) => Finding::error(CHECK, &error),
    })
}

/// Whether the objects are those of the database. Nothing is said where one of the two does not say whose it is.
pub(super) async fn objects_owner(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "object store owner";
    let folder = settings.data_dir.join("objects");
    // Where folder or database themselves are the fault, other checks say so.
    let store = if folder.is_dir() {
        Objects::local(&folder).ok()?.installation().await.ok()??
    } else {
        return None;
    };
    let config = compose::db_config(settings, &file(settings)).ok()?;
    let own = wh_db::installation_of(&config).await.ok()?;
    let adopted = settings.dataset.store_adopt.as_deref() == Some(store.to_string().as_str());
    Some(if own == Some(store) || adopted {
        Finding::ok(CHECK, "the objects are those of the database")
    } else {
        let own = own.map_or_else(|| "another, which is new".to_owned(), |own| own.to_string());
        let error = wh_dataset::codes::STORE_FOREIGN
            .error(format!("the objects are of installation {store}, the database is of {own}"));
        Finding::error(CHECK, &error)
    })
}

async fn company_is_there(settings: &Settings, id: TenantId) -> Result<bool> {
    let inputs = Inputs::of_this_machine();
    let opened = compose::database(settings, &file(settings), &inputs).await?;
    let context = Context::new(opened.db.clone(), Arc::clone(&inputs.clock), Arc::clone(&inputs.random));
    let identity = compose::identity(&opened, &context, settings.identity.clone())?;
    Ok(wh_identity::company_get(&identity, id).await?.is_some())
}

fn file(settings: &Settings) -> std::path::PathBuf {
    settings.data_dir.join("wheelhouse.db")
}

pub(super) async fn objects(settings: &Settings) -> Finding {
    const CHECK: &str = "object store";
    let folder = settings.data_dir.join("objects");
    if !folder.exists() {
        return Finding::ok(CHECK, format!("{} is made at the first start", folder.display()));
    }
    match round(&folder).await {
        Ok(()) => Finding::ok(CHECK, format!("wrote, read and removed an object in {}", folder.display())),
        Err(error) => Finding::error(CHECK, &error),
    }
}

/// Write, read, remove.
async fn round(folder: &std::path::Path) -> Result<()> {
    let store = Objects::local(folder)?;
    let path = format!("wheelhouse-doctor-{}", std::process::id());
    let bytes = Bytes::from_static(b"probe");
    store.put(&path, bytes.clone()).await?;
    let read = store.get(&path).await;
    store.delete(&path).await?;
    if read? != Some(bytes) {
        return Err(wh_dataset::codes::STORE.error("an object did not come back as it was written"));
    }
    Ok(())
}
