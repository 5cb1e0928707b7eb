//! Completion scripts work in a real shell; manual pages are shown by the real `man`.
use std::process::Command;

use super::Shell;

#[test]
fn bash_completes_nouns_verbs_options_and_words() {
    let shell = Shell::new();
    let script = shell.run(&["completion", "bash"]).good();
    let file = shell.file("completion.bash", &script);
    let complete = |line: &str| {
        let text = "set -eu; source \"$1\"; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
                    set +u; _wheelhouse wheelhouse \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let output = Command::new("bash").args(["--norc", "-c", text, "bash", &file, line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(complete("wheelhouse pan"), "panel\n");
    assert_eq!(complete("wheelhouse panel li"), "list\n");
    assert_eq!(complete("wheelhouse panel list --al"), "--all\n");
    assert_eq!(complete("wheelhouse panel import --mode rep"), "replace\n");
    assert_eq!(complete("wheelhouse doc"), "doctor\n");
}

#[test]
fn zsh_and_fish_read_their_scripts() {
    let shell = Shell::new();
    for (name, arguments) in [("zsh", ["-n"]), ("fish", ["--no-execute"])] {
        let script = shell.run(&["completion", name]).good();
        assert!(script.contains("panel") && script.contains("import"), "{name}");
        let file = shell.file(&format!("completion.{name}"), &script);
        match Command::new(name).args(arguments).arg(&file).output() {
            Ok(output) => {
                assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            }
            Err(_) => eprintln!("skipped: {name} is not installed, so it did not read its script"),
        }
    }
}

#[test]
fn manual_pages_of_every_command_are_shown_without_a_warning() {
    let shell = Shell::new();
    shell.run(&["man", "pages"]).good();
    let folder = shell.folder().join("pages");
    let pages: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 50, "{} pages", pages.len());
    let page = std::fs::read_to_string(folder.join("wheelhouse-panel-list.1")).unwrap();
    assert!(page.contains("panel_list") && page.contains("Examples"), "{page}");
    for page in ["wheelhouse.1", "wheelhouse-panel-import.1", "wheelhouse-login.1", "wheelhouse-serve.1"] {
        let shown = Command::new("man").arg("--warnings").arg("-l").arg(folder.join(page)).output();
        match shown {
            Ok(shown) if shown.status.success() && !shown.stdout.is_empty() => {
                assert_eq!(String::from_utf8_lossy(&shown.stderr), "", "{page}");
            }
            _ => eprintln!("skipped: no `man` that shows {page}"),
        }
    }
}
