//! The layers of the configuration, and its mistakes: all of them at once, each where it was set.
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use crate::house::{House, wheelhouse};

#[test]
fn config_check_names_file_line_and_nearest_key_and_default_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.toml");
    std::fs::write(&file, "[server]\nlissten = \"127.0.0.1:1\"\n").unwrap();
    let check = || wheelhouse().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    let wrong = check();
    let words = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && words.contains("w.toml:2") && words.contains("`listen`"), "{words}");
    let default = wheelhouse().args(["config", "default"]).output().unwrap();
    std::fs::write(&file, &default.stdout).unwrap();
    assert!(check().status.success());
}

#[test]
fn an_environment_variable_wins_over_the_file_and_a_flag_over_both() {
    let folder = tempfile::tempdir().unwrap();
    // Both are taken: a server that listened to the file or to the variable would not start.
    let [file, variable] = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [of_file, of_variable] = [&file, &variable].map(|taken| taken.local_addr().unwrap());
    let text = format!("[server]\nlisten = \"{of_file}\"\n[identity]\npassword_length_min = 20\n");
    std::fs::write(folder.path().join("wheelhouse.toml"), text).unwrap();
    let listen = of_variable.to_string();
    let settings =
        [("WHEELHOUSE_SERVER_LISTEN", listen.as_str()), ("WHEELHOUSE_IDENTITY_PASSWORD_LENGTH_MIN", "30")];
    let house = House::start_with(folder.path(), &settings);
    assert!(house.address != of_file && house.address != of_variable, "the flag says where");
    let body = json!({ "token": house.setup_token, "company": "A", "name": "B", "email": "c@d.example", "password": "only twenty-six characters" });
    let refused = house.nobody().post("/v1/identity/setup", &body);
    assert_eq!((refused.status, refused.code().as_str()), (422, "identity.password_length"));
    assert_eq!(refused.json()["errors"][0]["pointer"], "/password", "{}", refused.text());
    assert!(refused.text().contains("not 30 to"), "{}", refused.text());
    // Without the flag the variable would have won, which is refused: its port is taken.
    let (mut without, other) = (wheelhouse(), tempfile::tempdir().unwrap());
    without.args(["serve", "--data-dir"]).arg(other.path()).arg("--config");
    without.arg(folder.path().join("wheelhouse.toml")).env("WHEELHOUSE_SERVER_LISTEN", &listen);
    let output = without.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains(&listen), "{words}");
}

#[test]
fn what_other_programs_keep_in_the_environment_does_not_matter() {
    use std::os::unix::ffi::OsStrExt;
    let not_utf8 = std::ffi::OsStr::from_bytes(b"\xff");
    let fine = wheelhouse().env("LS_COLORS", not_utf8).args(["config", "check"]).output().unwrap();
    assert!(fine.status.success(), "{}", String::from_utf8_lossy(&fine.stderr));
    let ours = wheelhouse().env("WHEELHOUSE_LOG_LEVEL", not_utf8).args(["config", "check"]).output().unwrap();
    let words = String::from_utf8_lossy(&ours.stderr).into_owned();
    assert!(!ours.status.success() && words.contains("WHEELHOUSE_LOG_LEVEL"), "{words}");
}

/// What `config check` says of this file and these variables: whether all is right, and its words.
fn checked(folder: &Path, text: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let file = folder.join("w.toml");
    std::fs::write(&file, text).expect("written");
    let mut command = wheelhouse();
    // The environment would win over the file.
    command.env_remove("WHEELHOUSE_LOG_LEVEL").args(["config", "check", "--config"]).arg(&file);
    let output = command.envs(variables.iter().copied()).output().expect("it starts");
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), words.concat())
}

#[test]
fn config_check_refuses_what_a_start_would_refuse_and_says_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    for (text, place, word) in [
        (
            "[server]\npublic_url = \"https://x/y\"\n",
            "w.toml:2: ",
            "public_url `https://x/y` holds more than",
        ),
        ("[server]\ntrusted_proxies = [\"10.0.0.0/40\"]\n", "w.toml:2: ", "trusted_proxies"),
        ("[server]\n\nallowed_hosts = [\"a b\"]\n", "w.toml:3: ", "allowed_hosts"),
        ("[server]\ntls_key = \"a.pem\"\n", "w.toml:2: ", "tls_certificate is not"),
        ("[server]\nsecurity_contact = \"somebody\"\n", "w.toml:2: ", "security_contact"),
        (
            "[server]\ntls_certificate = \"/nowhere/cert.pem\"\ntls_key = \"/nowhere/key.pem\"\n",
            "w.toml:2: ",
            "/nowhere/cert.pem",
        ),
        (
            "[server]\ntls_certificate = \"/nowhere/cert.pem\"\ntls_key = \"/nowhere/key.pem\"\n",
            "w.toml:3: ",
            "/nowhere/key.pem",
        ),
        ("[database]\nengine = \"postgres\"\n", "w.toml:2: ", "postgres_owner_url"),
        ("[identity]\npassword_passes = 2\npassword_memory_kib = 7168\n", "w.toml:3: ", "at least 19456"),
        ("[identity]\nsession_absolute_s = 300\n", "w.toml:2: ", "session_idle_s must not be above"),
        ("[log]\nlevel = \"bogus\"\n", "w.toml:2: ", "log level"),
        ("[telemetry]\notlp_endpoint = \"foo\"\n", "w.toml:2: ", "otlp_endpoint"),
        ("[telemetry]\notlp_headers = [\"a\"]\n", "w.toml:2: ", "entry 1"),
        ("[backup]\ntarget = \"/nowhere\"\n", "w.toml:2: ", "key file"),
        ("[backup]\ntarget = \"/nowhere\"\nkey_file = \"/nowhere/key\"\n", "w.toml:3: ", "/nowhere/key"),
        ("[backup]\ntarget = \"ftp://b\"\n", "w.toml:2: ", "s3://BUCKET/PREFIX"),
        ("[backup]\ntarget = \"/nowhere\"\n\nfull_every_h = 200\n", "w.toml:4: ", "keep_steps_h"),
    ] {
        let (is_right, words) = checked(folder.path(), text, &[]);
        assert!(!is_right, "{text}");
        let line =
            words.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{text}: {words}"));
        assert!(line.contains(place), "{text}: {words}");
    }
    assert!(checked(folder.path(), "[server]\npublic_url = \"https://x\"\n", &[]).0);
}

#[test]
fn config_check_says_all_of_it_at_once_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listen = \"127.0.0.1:1\"\n\n[server]\nlissten = \"127.0.0.1:1\"\npublic_url = \"x\"\nsecurity_contact = \"x\"\n\
        allowed_hosts = [\"a b\", \"c d\"]\ntls_key = \"a.pem\"\n\n[identity]\nsession_idle_s = 400\nsession_absolute_s = 300\n\n\
        [telemetry]\npublic_url = \"https://x\"\notlp_endpoint = \"foo\"\n";
    let variables = [("WHEELHOUSE_LOG_LEVEL", "bogus"), ("WHEELHOUSE_BACKUP_TARGET", "ftp://b")];
    let (is_right, words) = checked(folder.path(), text, &variables);
    assert!(!is_right);
    let mut lines = words.lines();
    for (place, word) in [
        ("w.toml:1: ", "did you mean `listen` in [server]?"),
        ("w.toml:4: ", "did you mean `listen`?"),
        ("w.toml:5: ", "public_url"),
        ("w.toml:6: ", "security_contact"),
        ("w.toml:7: ", "`a b`"),
        ("w.toml:7: ", "`c d`"),
        ("w.toml:8: ", "tls_certificate is not"),
        ("w.toml:11: ", "session_idle_s"),
        ("w.toml:15: ", "did you mean `public_url` in [server]?"),
        ("w.toml:16: ", "otlp_endpoint"),
        ("environment: WHEELHOUSE_BACKUP_TARGET: ", "target"),
        ("environment: WHEELHOUSE_BACKUP_TARGET: ", "key file"),
        ("environment: WHEELHOUSE_LOG_LEVEL: ", "log level"),
    ] {
        let is_it = |line: &str| line.contains(place) && line.contains(word);
        assert!(lines.any(is_it), "{place}{word} does not stand where it belongs: {words}");
    }
    let (_, words) =
        checked(folder.path(), "[server\n[database]\n", &[("WHEELHOUSE_DATABASE_ENGINE", "postgres")]);
    assert!(words.contains("not TOML") && !words.contains("postgres_app_url"), "it may say so: {words}");
}

#[test]
fn the_urls_of_postgresql_are_read_and_never_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let check = |urls: [&str; 4]| {
        let [owner, app, id, sys] = urls;
        let text = format!(
            "[database]\nengine = \"postgres\"\npostgres_owner_url = \"{owner}\"\npostgres_app_url = \"{app}\"\n\
             postgres_id_url = \"{id}\"\npostgres_sys_url = \"{sys}\"\n"
        );
        checked(folder.path(), &text, &[])
    };
    let right = "postgres://login:secret@127.0.0.1:5432/wheelhouse";
    assert!(check([right; 4]).0);
    let wrong = [
        "foo",
        "postgres://a:secret@127.0.0.1:x/w",
        "postgres://a:secret@127.0.0.1/w?sslmode=maybe",
        "postgres://127.0.0.1/w",
    ];
    let (is_right, words) = check(wrong);
    assert!(!is_right);
    for (line, key) in
        [(3, "postgres_owner_url"), (4, "postgres_app_url"), (5, "postgres_id_url"), (6, "postgres_sys_url")]
    {
        assert!(words.contains(&format!("w.toml:{line}: database.{key}: ")), "{key}: {words}");
    }
    assert!(!words.contains("secret"), "{words}");
    // What is not used is not judged.
    assert!(checked(folder.path(), "[database]\npostgres_app_url = \"foo\"\n", &[]).0);
    let (_, words) = checked(folder.path(), "[database]\nengine = \"postgres\"\n", &[]);
    for key in ["owner", "app", "id", "sys"] {
        assert!(words.contains(&format!("database.postgres_{key}_url is not set")), "{key}: {words}");
    }
}
