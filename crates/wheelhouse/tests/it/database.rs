//! The database of a site, beside its server: a connection of the test's own. No part of the product.
use std::path::Path;

use tokio_postgres::{Client, Config, NoTls};
use wh_testkit::engines::shared;

/// The file of the embedded database.
pub fn embedded(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join("wheelhouse.db")).expect("the database")
}

/// The URL of one of the logins, as `db init` wrote it: `owner`, `app`, `id` or `sys`.
pub fn url(folder: &Path, login: &str) -> String {
    let text = std::fs::read_to_string(folder.join("wheelhouse.toml")).expect("the configuration");
    let settings: toml::Table = text.parse().expect("TOML");
    settings["database"][format!("postgres_{login}_url")].as_str().expect("its URL").to_owned()
}

/// The login that owns the tables.
pub fn owner(folder: &Path) -> Config {
    parsed(&url(folder, "owner"))
}

pub fn parsed(url: &str) -> Config {
    url.parse().expect("a URL of PostgreSQL")
}

/// The administrator of the server, in the site's database: no wall between companies holds them.
pub fn administrator(folder: &Path) -> Config {
    let server = shared().expect("the site was made on it");
    let mut config = parsed(server.admin_url());
    config.dbname(owner(folder).get_dbname().expect("a database"));
    config
}

/// Work on a connection that ends with it. The tables need no schema before their names.
pub fn connected<T>(mut config: Config, work: impl AsyncFnOnce(&Client) -> T) -> T {
    config.options("-c search_path=wheelhouse");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = config.connect(NoTls).await.expect("PostgreSQL");
        let driver = tokio::spawn(connection);
        let done = work(&client).await;
        drop(client);
        driver.await.expect("it ends").expect("it ends well");
        done
    })
}
