//! Completion scripts work in the real shells; manual pages are shown by the real `man`.
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use wh_testkit::engines::must_be_there;

use super::Shell;
use super::terminal::Terminal;

/// One as a person names it, one named after its host, and one that a careless script would run.
const CONTEXTS: &str = "[contexts.laptop]
url = \"http://127.0.0.1:8080\"

[contexts.\"ops.acme.example:8443\"]
url = \"https://ops.acme.example:8443\"

[contexts.\"$(touch stolen)\"]
url = \"http://127.0.0.1:8081\"
";

/// Somebody who works with several servers.
fn with_contexts() -> Shell {
    let shell = Shell::new();
    let file = shell.config();
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
    std::fs::write(&file, CONTEXTS).expect("it is written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    shell
}

/// Where a shell finds the binary under test.
fn path() -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_wheelhouse")).parent().expect("a folder");
    format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display())
}

/// A program at somebody's home.
fn at_home(shell: &Shell, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", path())
        .env("HOME", shell.folder())
        .env("XDG_CONFIG_HOME", shell.folder().join("config"))
        .current_dir(shell.folder());
    command
}

/// Whether it is there; in CI it must be.
fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|said| said.status.success());
    assert!(there || !must_be_there(), "{program} is missing; `make test` installs it");
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

#[test]
fn names_of_contexts_are_listed_one_by_one_for_scripts() {
    let names = "$(touch stolen)\nlaptop\nops.acme.example:8443\n";
    assert_eq!(with_contexts().run(&["context", "list", "--quiet"]).good(), names);
    assert_eq!(Shell::new().run(&["context", "list", "-q"]).good(), "");
}

#[test]
fn bash_completes_nouns_verbs_options_words_and_contexts() {
    let shell = with_contexts();
    let script = shell.run(&["completion", "bash"]).good();
    let file = shell.file("completion.bash", &script);
    let complete = |line: &str| {
        let text = "set -eu; source \"$1\"; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
                    set +u; _wheelhouse wheelhouse \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let output =
            at_home(&shell, "bash").args(["--norc", "-c", text, "bash", &file, line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(complete("wheelhouse pan"), "panel\n");
    assert_eq!(complete("wheelhouse panel li"), "list\n");
    assert_eq!(complete("wheelhouse panel list --al"), "--all\n");
    assert_eq!(complete("wheelhouse panel import --mode rep"), "replace\n");
    assert_eq!(complete("wheelhouse doc"), "doctor\n");
    assert_eq!(complete("wheelhouse panel list --context la"), "laptop\n");
    assert_eq!(complete("wheelhouse logout --context ops"), "ops.acme.example:8443\n");
    assert_eq!(complete("wheelhouse context use la"), "laptop\n");
    assert_eq!(complete("wheelhouse context remove -"), "-h\n--help\n");
    assert_eq!(complete("wheelhouse panel list --context $"), "\\$\\(touch\\ stolen\\)\n");
    assert!(!shell.folder().join("stolen").exists(), "a name is not run");
}

#[test]
fn zsh_completes_nouns_verbs_options_words_and_contexts() {
    if !is_there("zsh") {
        return;
    }
    let shell = with_contexts();
    let functions = shell.folder().join("functions");
    std::fs::create_dir(&functions).unwrap();
    let script = shell.run(&["completion", "zsh"]).good();
    std::fs::write(functions.join("_wheelhouse"), script).unwrap();
    let (path, home) = (path(), shell.folder().display().to_string());
    let variables = [("PATH", path.as_str()), ("HOME", home.as_str())];
    let Some(mut zsh) = Terminal::of(&shell, 200, &variables, "zsh -f -i") else { return };
    // What is completed is run, and says how it was called. No word that is waited for is typed as it is shown.
    zsh.types(&format!(
        "cd {home}; fpath=({} $fpath); autoload -U compinit; compinit -u -D; \
         wheelhouse() {{ print -r -- \"ran:$*:\" }}; print -r -- ready-$((40+2))\n",
        functions.display()
    ));
    zsh.shows("ready-42");
    let lines = [
        ("pan", "panel"),
        ("panel li", "panel list"),
        ("panel list --al", "panel list --all"),
        ("panel import --mode rep", "panel import --mode replace"),
        ("doc", "doctor"),
        ("panel list --context la", "panel list --context laptop"),
        ("logout --context ops", "logout --context ops.acme.example:8443"),
        ("context use la", "context use laptop"),
    ];
    for (typed, ran) in lines {
        zsh.types(&format!("wheelhouse {typed}\t\n"));
        zsh.shows(&format!("ran:{ran}:"));
    }
    zsh.types("wheelhouse context remove \\$\t\n");
    zsh.shows("ran:context remove $(touch stolen):");
    zsh.types("exit\n");
    zsh.ended();
    assert!(!shell.folder().join("stolen").exists(), "a name is not run");
}

#[test]
fn fish_completes_nouns_verbs_options_words_and_contexts() {
    if !is_there("fish") {
        return;
    }
    let shell = with_contexts();
    let script = shell.run(&["completion", "fish"]).good();
    let file = shell.file("wheelhouse.fish", &script);
    let complete = |line: &str| {
        let text = "source $argv[1]; complete -C $argv[2]";
        let output = at_home(&shell, "fish").args(["-N", "-c", text, &file, line]).output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && problem.is_empty(), "{line}: {problem}");
        let said = String::from_utf8_lossy(&output.stdout);
        // Behind a tab stands what the word means.
        said.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("wheelhouse pan"), ["panel"]);
    assert_eq!(complete("wheelhouse panel li"), ["list"]);
    assert_eq!(complete("wheelhouse panel list --al"), ["--all"]);
    assert_eq!(complete("wheelhouse panel import --mode rep"), ["replace"]);
    assert_eq!(complete("wheelhouse doc"), ["doctor"]);
    assert_eq!(complete("wheelhouse panel list --context la"), ["laptop"]);
    assert_eq!(complete("wheelhouse logout --context ops"), ["ops.acme.example:8443"]);
    assert_eq!(complete("wheelhouse context use la"), ["laptop"]);
    let all = ["$(touch stolen)", "laptop", "ops.acme.example:8443"];
    assert_eq!(complete("wheelhouse panel list --context "), all);
    assert!(!shell.folder().join("stolen").exists(), "a name is not run");
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
    if !is_there("man") {
        return;
    }
    let mut man = at_home(&shell, "man");
    man.args(["--warnings", "-l"]).args(&pages).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "120");
    let output = man.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    for page in pages {
        let title = format!("{}(1)", page.file_stem().unwrap().to_string_lossy());
        assert!(shown.contains(&title), "{title} is not shown");
    }
}
