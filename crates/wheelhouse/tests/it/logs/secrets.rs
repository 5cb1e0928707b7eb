//! Secrets of every kind go through a server that tells all it can: none of them is in what it told.
use std::fs;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Logged;
use crate::house::{PASSWORD, Person, sites, wheelhouse};
use crate::refusing::{header, refusing};

/// Far more than it takes until somebody is asked.
const PATIENCE: Duration = Duration::from_mins(1);
const S3_SECRET: &str = "Secret/of+the+ObjectStore/NeverPrinted99";
const S3_TOKEN: &str = "SessionTokenOfTheObjectStoreNeverPrinted";
const OTLP_TOKEN: &str = "token-of-the-collector-never-printed";
const SOMEBODYS: &str = "whk_somebodysKeyThatDoesNotExist0000000000000000";
const BASIC: &str = "b2xnYTphIHBhc3N3b3JkIG9mIGEgcHJveHk=";

#[test]
fn no_secret_of_any_kind_is_in_the_log_at_its_finest_level() {
    for site in sites() {
        let beside = tempfile::tempdir().expect("a folder");
        let key_file = beside.path().join("backup.key");
        let made = wheelhouse().args(["backup", "key"]).arg(&key_file).status().expect("it starts");
        assert!(made.success());
        let ((bucket, stored), (collector, told)) = (refusing(), refusing());
        let settings = [
            ("WHEELHOUSE_LOG_LEVEL", "trace".to_owned()),
            ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", format!("http://{collector}")),
            ("WHEELHOUSE_TELEMETRY_OTLP_HEADERS", format!("authorization=Bearer {OTLP_TOKEN}")),
            ("WHEELHOUSE_BACKUP_TARGET", "s3://wheelhouse/here".to_owned()),
            ("WHEELHOUSE_BACKUP_KEY_FILE", key_file.to_str().expect("text").to_owned()),
            ("WHEELHOUSE_BACKUP_S3_ENDPOINT", format!("http://{bucket}")),
            ("WHEELHOUSE_BACKUP_S3_ALLOW_HTTP", "true".to_owned()),
            ("WHEELHOUSE_BACKUP_S3_ACCESS_KEY_ID", "AKIAWHEELHOUSETEST03".to_owned()),
            ("WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY", S3_SECRET.to_owned()),
            ("WHEELHOUSE_BACKUP_S3_SESSION_TOKEN", S3_TOKEN.to_owned()),
        ];
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let house = Logged::start(site.folder.path(), "", &settings);
        let body = json!({ "token": house.token, "company": "Acme", "name": "Olga", "email": "olga@acme.example", "password": PASSWORD });
        let cookie = house.nobody.post("/v1/identity/setup", &body).cookie().expect("a cookie");
        let owner = Person { cookie: format!("Cookie: {cookie}\r\n"), ..house.nobody.clone() };
        let body = json!({ "name": "reports", "scopes": ["panels:read"] });
        let made = owner.post("/v1/identity/api-keys", &body);
        assert_eq!(made.status, 201, "{}", made.text());
        let api_key = made.json()["secret"].as_str().expect("a text").to_owned();
        let by = |authorization: &str| {
            let line = format!("Authorization: {authorization}\r\n");
            house.nobody.send("GET", "/v1/panels", &line, b"").status
        };
        assert_eq!(by(&format!("Bearer {api_key}")), 200);
        // What is refused is no less a secret: it may be somebody's, spelled wrongly.
        let misspelled = format!("{}~", &api_key[..api_key.len() - 1]);
        for wrong in [format!("Bearer {SOMEBODYS}"), format!("Bearer {misspelled}"), format!("Basic {BASIC}")]
        {
            assert!((400..500).contains(&by(&wrong)), "{wrong}");
        }
        let forged = Person { cookie: format!("Cookie: {cookie}forged\r\n"), ..house.nobody.clone() };
        assert_eq!(forged.get("/v1/panels").status, 401);
        // The secrets of others were really in use, and were refused, which is told.
        let signature = loop {
            let head = stored.recv_timeout(PATIENCE).expect("the store is asked");
            let signed = header(&head, "authorization").and_then(|line| line.rsplit_once("Signature="));
            if let Some((_, signature)) = signed {
                break signature.to_owned();
            }
        };
        let head = told.recv_timeout(PATIENCE).expect("the collector is told");
        assert_eq!(header(&head, "authorization"), Some(format!("Bearer {OTLP_TOKEN}").as_str()));
        while !fs::read_to_string(&house.log).expect("the log").contains("the backup failed") {
            std::thread::yield_now();
        }
        let (text, _) = house.end();

        let session = cookie.split_once('=').expect("a pair").1;
        let key_text = fs::read_to_string(&key_file).expect("the key");
        let mut secrets = vec![PASSWORD, session, api_key.as_str(), SOMEBODYS, BASIC];
        secrets.extend([S3_SECRET, S3_TOKEN, OTLP_TOKEN, signature.as_str()]);
        secrets.extend(key_text.split_whitespace().next_back());
        // Most of a key is as good as the key.
        secrets.push(&api_key[..api_key.len() - 1]);
        let packed: Vec<String> = secrets.iter().map(|secret| STANDARD.encode(secret)).collect();
        for secret in secrets.into_iter().chain(packed.iter().map(String::as_str)) {
            assert!(secret.len() > 8, "{secret:?} proves nothing");
            assert!(!text.contains(secret), "the log holds {secret}");
        }
    }
}
