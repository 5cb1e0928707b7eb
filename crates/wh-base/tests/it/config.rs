//! Layers, mistakes with their lines, and the default file.
use wh_base::codes;
use wh_base::config::{Holds, Key, Layers, Reading, Section, Settings, about, default_file};

const SECTIONS: &[Section] = &[Section {
    name: "server",
    doc: "The front door.",
    keys: &[
        Key::new("listen", Holds::Text, "\"127.0.0.1:8080\"", "Where to listen."),
        Key::new(
            "drain_timeout_s",
            Holds::Integer { min: 0, max: 600 },
            "10",
            "How long to drain, in seconds.",
        ),
        Key::optional("hosts", Holds::List, "Further host names."),
    ],
}];

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Server {
    listen: String,
    drain_timeout_s: u64,
    #[serde(default)]
    hosts: Vec<String>,
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let environment = environment(&[("WHEELHOUSE_SERVER_DRAIN_TIMEOUT_S", "7"), ("PATH", "/bin")]);
    let settings = Settings::load(
        SECTIONS,
        Layers {
            file: Some(("a.toml", "[server]\ndrain_timeout_s = 5\nlisten = \"[::1]:1\"\nhosts = [\"a\"]\n")),
            environment: &environment,
            flags: &[("server.listen", "127.0.0.1:9".to_owned())],
        },
    )
    .unwrap();
    let server: Server = settings.section("server").unwrap();
    assert_eq!(
        server,
        Server { listen: "127.0.0.1:9".to_owned(), drain_timeout_s: 7, hosts: vec!["a".to_owned()] }
    );
}

#[test]
fn all_mistakes_are_found_with_line_and_nearest_key() {
    let environment = environment(&[("WHEELHOUSE_SERVER_LISTN", "x")]);
    let file = "[server]\nlistn = \"x\"\ndrain_timeout_s = \"5\"\n\n[servr]\nx = 1\n";
    let mistakes = Settings::load(
        SECTIONS,
        Layers {
            file: Some(("a.toml", file)),
            environment: &environment,
            flags: &[("server.drain_timeout_s", "601".to_owned())],
        },
    )
    .unwrap_err();
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "a.toml:2: unknown key `listn` in [server]; did you mean `listen`?",
            "a.toml:3: `drain_timeout_s` must be a whole number, not string",
            "a.toml:5: unknown section [servr]; did you mean `server`?",
            "environment: unknown variable WHEELHOUSE_SERVER_LISTN; did you mean `WHEELHOUSE_SERVER_LISTEN`?",
            "flags: server.drain_timeout_s: `drain_timeout_s` must be 0 to 600, not 601",
        ]
    );
}

#[test]
fn what_a_text_must_be_is_said_with_its_line() {
    const KINDS: &[Section] = &[Section {
        name: "kinds",
        doc: "Texts of a kind.",
        keys: &[
            Key::optional("at", Holds::SocketAddress, "An address."),
            Key::optional("id", Holds::Id, "An id."),
            Key::optional("word", Holds::OneOf(&["sqlite", "postgres"]), "A word."),
        ],
    }];
    let load =
        |file: &str| Settings::load(KINDS, Layers { file: Some(("a.toml", file)), ..Layers::default() });
    let wrong = load("[kinds]\nat = \"localhost\"\nid = \"7\"\nword = \"postgre\"\n").unwrap_err();
    let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "a.toml:2: `at` must be an IP address and a port, as in 127.0.0.1:8080 or [::1]:8080",
            "a.toml:3: `id` must be an id, as in 01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11",
            "a.toml:4: `word` must be one of sqlite, postgres; did you mean `postgres`?",
        ]
    );
    let right =
        "[kinds]\nat = \"[::1]:1\"\nid = \"01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11\"\nword = \"sqlite\"\n";
    assert_eq!(load(right).unwrap().text("kinds", "word"), Some("sqlite"));
}

#[test]
fn a_file_that_is_not_toml_is_named_with_its_line() {
    let mistakes = Settings::load(
        SECTIONS,
        Layers { file: Some(("a.toml", "[server]\nlisten = = 3\n")), ..Layers::default() },
    )
    .unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert_eq!(mistakes[0].line, Some(2));
}

#[test]
fn the_default_file_loads_and_changes_nothing() {
    let text = default_file(SECTIONS);
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => key,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let settings =
        Settings::load(SECTIONS, Layers { file: Some(("default.toml", &uncommented)), ..Layers::default() })
            .unwrap();
    let server: Server = settings.section("server").unwrap();
    assert_eq!(server.listen, "127.0.0.1:8080");
}

const TWO: &[Section] = &[
    SECTIONS[0],
    Section {
        name: "log",
        doc: "The log.",
        keys: &[Key::new("level", Holds::Text, "\"info\"", "How much is told.")],
    },
];

#[test]
fn the_nearest_key_is_looked_for_in_all_sections() {
    let file =
        "listen = \"x\"\nlevel_ = 3\nzzz = 1\n\n[log]\nlisten = \"x\"\nlevvel = \"x\"\nhots = []\nqqq = 1\n";
    let mistakes =
        Settings::load(TWO, Layers { file: Some(("a.toml", file)), ..Layers::default() }).unwrap_err();
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "a.toml:1: `listen` stands in no section; did you mean `listen` in [server]?",
            "a.toml:2: `level_` stands in no section; did you mean `level` in [log]?",
            "a.toml:3: `zzz` stands in no section",
            "a.toml:6: unknown key `listen` in [log]; did you mean `listen` in [server]?",
            "a.toml:7: unknown key `levvel` in [log]; did you mean `level`?",
            "a.toml:8: unknown key `hots` in [log]; did you mean `hosts` in [server]?",
            "a.toml:9: unknown key `qqq` in [log]",
        ]
    );
}

#[test]
fn a_value_that_cannot_be_used_is_named_where_it_was_set() {
    let environment = environment(&[("WHEELHOUSE_SERVER_DRAIN_TIMEOUT_S", "7")]);
    let Reading { settings, mistakes, is_toml } = Settings::read(
        TWO,
        Layers {
            file: Some(("a.toml", "[server]\nlissten = 1\ndrain_timeout_s = 5\n\nhosts = [\n\"a\",\n]\n")),
            environment: &environment,
            flags: &[("server.listen", "127.0.0.1:9".to_owned())],
        },
    );
    assert!(is_toml && mistakes.len() == 1, "{mistakes:?}");
    let told = |keys: &[&str]| {
        let error = codes::CONFIG.caused("cannot be used", "no such thing");
        settings.origins().mistake(&about(error, keys)).to_string()
    };
    assert_eq!(told(&["server.hosts"]), "a.toml:5: cannot be used: no such thing");
    // What the file says is no longer asked.
    assert_eq!(
        told(&["server.drain_timeout_s"]),
        "environment: WHEELHOUSE_SERVER_DRAIN_TIMEOUT_S: cannot be used: no such thing"
    );
    assert_eq!(told(&["server.listen"]), "flags: server.listen: cannot be used: no such thing");
    assert_eq!(told(&["log.level", "server.hosts"]), "a.toml:5: cannot be used: no such thing");
    assert_eq!(told(&["log.level"]), "configuration: cannot be used: no such thing");
    let broken = Settings::read(TWO, Layers { file: Some(("a.toml", "[server")), ..Layers::default() });
    assert!(!broken.is_toml && broken.mistakes.len() == 1);
}
