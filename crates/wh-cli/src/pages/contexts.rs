//! Names of contexts in completion scripts: asked of the command when somebody completes, since they come and go. A script holds none.
use clap::{Arg, Command};
use clap_complete::Shell;

use crate::tree::name;

/// Stands in a script where the names go; no word of any command.
const MARK: &str = "WHEELHOUSE_CONTEXTS";

/// A name is taken as it is written: nothing in it is run, and blanks in it do not cut it.
const BASH: &str = r#"_wheelhouse_contexts() {
    local name
    COMPREPLY=()
    while IFS= read -r name; do
        if [[ ${name} == "${cur}"* ]] ; then
            COMPREPLY+=("$(printf '%q' "${name}")")
        fi
    done < <(command wheelhouse context list --quiet 2>/dev/null)
}

"#;
/// How a script of bash asks for the words of an option, and offers the words of an argument without one.
const BASH_OPTION: &str = r#"COMPREPLY=($(compgen -W "WHEELHOUSE_CONTEXTS" -- "${cur}"))"#;
const BASH_WORDS: &str = " WHEELHOUSE_CONTEXTS\"\n";
const BASH_WORDS_ASKED: &str = r#""
            if [[ ${cur} != -* ]] ; then
                _wheelhouse_contexts
                return 0
            fi
"#;

/// The script is loaded as a function, so what it needs stands before its first one.
const ZSH_HEAD: &str = "autoload -U is-at-least\n";
const ZSH: &str = r#"
_wheelhouse_contexts() {
    local -a names
    names=(${(f)"$(command wheelhouse context list --quiet 2>/dev/null)"})
    _wanted contexts expl context compadd -a names
}
"#;

const FISH: &str = "function __fish_wheelhouse_contexts
    command wheelhouse context list --quiet 2>/dev/null
end

";
/// Generated scripts of fish know options only.
const FISH_WORDS: &str = r#"complete -c wheelhouse -n "__fish_wheelhouse_using_subcommand context; and __fish_seen_subcommand_from use remove" -f -a "(__fish_wheelhouse_contexts)"
"#;

/// The command, with the mark as the only word of whatever takes a context.
pub fn marked(command: Command) -> Command {
    let mark = |arg: Arg| if arg.get_id() == name::CONTEXT { arg.value_parser([MARK]) } else { arg };
    command.mut_args(mark).mut_subcommands(marked)
}

/// The script of a marked command, asking for names where the mark stood.
pub fn completed(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Zsh => {
            let script = script.replace(&format!("({MARK})"), "_wheelhouse_contexts");
            script.replacen(ZSH_HEAD, &format!("{ZSH_HEAD}{ZSH}"), 1)
        }
        Shell::Fish => {
            let script = script.replace(&format!("{MARK}\\t''"), "(__fish_wheelhouse_contexts)");
            format!("{FISH}{script}{FISH_WORDS}")
        }
        _ => {
            let script = script.replace(BASH_OPTION, "_wheelhouse_contexts");
            format!("{BASH}{}", script.replace(BASH_WORDS, BASH_WORDS_ASKED))
        }
    }
}
