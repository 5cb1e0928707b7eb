//! Addresses and names that mean to leave their folder: nothing outside is read, nothing outside is written.
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::house::sites;

/// Ways to say "the folder above", and files that lie beside what is served.
const ADDRESSES: &[&str] = &[
    "/../../etc/passwd",
    "/assets/../../../../etc/passwd",
    "/docs/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/assets/..%2f..%2f..%2fetc%2fpasswd",
    "/assets/..%5c..%5cetc%5cpasswd",
    "/assets/..\\..\\etc\\passwd",
    "/assets/%252e%252e/%252e%252e/etc/passwd",
    "/assets/....//....//etc/passwd",
    "/assets/..;/..;/etc/passwd",
    "/assets/%c0%ae%c0%ae/etc/passwd",
    "//etc/passwd",
    "/etc/passwd",
    "/docs//etc/passwd",
    "/file:///etc/passwd",
    "/wheelhouse.db",
    "/wheelhouse.toml",
    "/data/wheelhouse.db",
    "/objects",
    "/.env",
    "/v1/../../etc/passwd",
    "/v1/panels/..%2f..%2fetc%2fpasswd",
    "/v1/panels/%2e%2e%2f%2e%2e/rows",
];

/// Every file below, with its path.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn no_address_leads_out_of_what_is_served() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        for address in ADDRESSES {
            let answer = owner.get(address);
            assert!(matches!(answer.status, 400 | 404), "{address}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains("root:"), "{address}");
        }
    }
}

#[test]
fn no_name_leads_out_of_the_data_folder() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let before = files(site.folder.path());
        for name in ["../../evil.csv", "/tmp/evil.csv", "..%2F..%2Fevil.csv", "C:%5Cevil.csv", "evil%0A.csv"]
        {
            let made = owner.post("/v1/panels", &json!({ "title": format!("../{}/evil", before.len()) }));
            assert_eq!(made.status, 201, "{}", made.text());
            let panel = made.json()["id"].as_str().expect("an id").to_owned();
            let path = format!("/v1/panels/{panel}/imports?mode=replace&file_name={name}");
            let answer = owner.send("POST", &path, "Content-Type: text/csv\r\n", b"carrier,delay\nUA,3\n");
            assert!(matches!(answer.status, 201 | 400 | 422), "{name}: {} {}", answer.status, answer.text());
        }
        let after = files(site.folder.path());
        let objects = site.folder.path().join("objects");
        for new in after.iter().filter(|path| !before.contains(path)) {
            assert!(!new.to_string_lossy().contains("evil"), "{}", new.display());
            let is_ours = new.starts_with(&objects)
                || new.file_name().is_some_and(|name| name.to_string_lossy().starts_with("wheelhouse.db"));
            assert!(is_ours, "{}", new.display());
        }
        assert!(!Path::new("/tmp/evil.csv").exists());
    }
}
