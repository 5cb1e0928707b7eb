//! What the doctor sees of database and object store.
use bytes::Bytes;
use wh_base::{Result, Timestamp};
use wh_dataset::segment::Objects;
use wh_db::Verdict;

use super::Finding;
use crate::compose;
use crate::settings::Settings;

pub(super) async fn database(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let config = match compose::db_config(settings, &settings.data_dir.join("wheelhouse.db")) {
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
