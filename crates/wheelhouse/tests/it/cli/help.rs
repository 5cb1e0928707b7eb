//! Every operation of the spec is a command with help, and every example of the help is understood.
use std::process::Stdio;

use serde_json::Value;

use super::Shell;

const SPEC: &str = include_str!("../../../../../spec/openapi.json");

/// Operation ids of the spec, written without the reader under test.
fn ids() -> Vec<String> {
    let spec: Value = serde_json::from_str(SPEC).expect("JSON");
    let items = spec["paths"].as_object().expect("an object").values();
    let operations =
        items.flat_map(|item| item.as_object().expect("an object").values().cloned().collect::<Vec<_>>());
    operations.filter_map(|operation| operation["operationId"].as_str().map(str::to_owned)).collect()
}

/// `import_bad_lines` is one of `import bad-lines` and `import-bad lines`: the one whose help names the operation.
fn help_of(shell: &Shell, id: &str) -> (String, String) {
    let cuts =
        id.match_indices('_').map(|(at, _)| (id[..at].replace('_', "-"), id[at + 1..].replace('_', "-")));
    for (noun, verb) in cuts {
        for noun in [noun.clone(), format!("server-{noun}")] {
            let said = shell.run(&[&noun, &verb, "--help"]);
            if said.code == 0 && said.out.contains(&format!("Operation: {id} (")) {
                return (format!("wheelhouse {noun} {verb}"), said.out);
            }
        }
    }
    panic!("no command has the help of {id}")
}

#[test]
fn every_operation_has_help_whose_examples_are_understood() {
    let shell = Shell::new();
    shell.file("request.json", "{}");
    shell.file("flights.csv", "a,b\n1,2\n");
    for secret in ["password", "token", "current", "new", "code", "verifier"] {
        shell.file(&format!("{secret}.txt"), "something secret");
    }
    let zipped = "gzip -c flights.csv > flights.csv.gz";
    let bash = |line: &str| {
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_wheelhouse"));
        let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
        let mut command = std::process::Command::new("bash");
        command.args(["-c", line]).current_dir(shell.folder()).env("PATH", path).stdin(Stdio::null());
        // Nothing listens there: a command that is understood gets as far as that, and no further.
        command.env("WHEELHOUSE_CLI_URL", "http://127.0.0.1:9").env("HOME", shell.folder());
        super::read(&command.output().unwrap())
    };
    assert_eq!(bash(zipped).code, 0);
    let mut seen = 0;
    for id in ids() {
        let (command, help) = help_of(&shell, &id);
        let examples = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{id}: {help}")).1;
        let examples = examples.replace("\\\n", " ");
        let lines: Vec<&str> =
            examples.lines().map(str::trim).filter(|line| line.contains(&command)).collect();
        assert!(!lines.is_empty(), "{id}: {help}");
        for line in lines {
            let said = bash(line);
            assert_eq!(said.code, 7, "{line}: {}", said.err);
            assert!(said.err.contains("cli.unreachable"), "{line}: {}", said.err);
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} examples");
}

#[test]
fn a_wrong_word_is_a_usage_error_that_names_the_right_one() {
    let shell = Shell::new();
    let said = shell.run(&["panel", "lst"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("'list'"), "{}", said.err);
    let said = shell.run(&["panel", "create"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--title"), "{}", said.err);
    let said = shell.run(&["panel", "import", "x.csv", "--panel", "p", "--mode", "upsert"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("replace, append"), "{}", said.err);
    let all = shell.run(&["--help"]).good();
    for word in ["serve", "setup-link", "panel", "import", "login", "context", "completion", "man"] {
        assert!(all.contains(&format!("\n  {word}")), "{word} in {all}");
    }
}
