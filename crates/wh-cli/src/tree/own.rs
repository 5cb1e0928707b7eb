//! The command line's own commands: sign in and out, contexts, completion, manual pages. Runs nothing.
use clap::{Arg, ArgAction, ArgGroup, Command, ValueHint, value_parser};

use super::name;

/// Their names.
pub const OWN: [&str; 5] = ["login", "logout", "context", "completion", "man"];

/// All of them.
pub fn commands() -> [Command; 5] {
    [login(), logout(), context(), completion(), man()]
}

fn login() -> Command {
    let switch =
        |id: &'static str, help: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue).help(help);
    Command::new("login")
        .about("Sign in to a server and keep it as a context")
        .long_about(
            "Sign in to a server and keep it as a context, which becomes the current one.\n\n\
             On a terminal, without more, a page of the server opens in the browser: whoever is signed in there allows \
             it with a click, and the command line gets a session of its own, no longer than theirs. With a token the \
             token is kept; by a browser, or with address and password, the session is. Both lie in the context file, \
             which only its owner may read.",
        )
        .after_long_help(
            "Examples:\n  wheelhouse login https://ops.acme.example\n  \
             wheelhouse login https://ops.acme.example --no-browser\n  \
             wheelhouse login https://ops.acme.example --email ada@acme.example\n  \
             wheelhouse login https://ops.acme.example --token-stdin < key.txt\n  \
             wheelhouse login http://127.0.0.1:8080 --name laptop --email ada@acme.example --password-stdin < password.txt",
        )
        .arg(Arg::new("url").value_name("URL").required(true).value_hint(ValueHint::Url).help("Where the server is"))
        .arg(Arg::new("name").long("name").value_name("NAME").help("What to call the context [default: the host]"))
        .arg(Arg::new("token").long("token").value_name("TOKEN").help(
            "An API key. Others on this machine can see a command line: --token-stdin is better",
        ))
        .arg(switch("token-stdin", "Read an API key from standard input"))
        .arg(Arg::new("email").long("email").value_name("ADDRESS").help("Sign in with this address and a password"))
        .arg(switch("browser", "Allow it on a page that opens in the browser; the default on a terminal"))
        .arg(switch("no-browser", "The same, with the page's address printed to be opened by hand"))
        .arg(switch("password-stdin", "Read the password from standard input").requires("email"))
        .arg(
            Arg::new("ca-file")
                .long("ca-file")
                .value_name("FILE")
                .value_parser(value_parser!(std::path::PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("PEM certificates of the authority that signed the server's, beside those of the machine"),
        )
        .arg(switch("replace", "Put it in the place of a context that somebody else is signed in to, without asking"))
        .arg(switch("plain-http", "Send credentials over http to another machine all the same"))
        .group(ArgGroup::new("how").args(["token", "token-stdin", "email", "browser", "no-browser"]))
}

fn logout() -> Command {
    Command::new("logout")
        .about("End the session and forget the credential of a context")
        .after_long_help("Examples:\n  wheelhouse logout\n  wheelhouse logout --context laptop")
        .arg(
            Arg::new(name::CONTEXT)
                .long(name::CONTEXT)
                .value_name("NAME")
                .help("Of this context [default: the current one]"),
        )
}

fn context() -> Command {
    let flag =
        |id: &'static str, help: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue).help(help);
    let named = |command: Command| {
        command.arg(Arg::new(name::CONTEXT).value_name("NAME").required(true).help("The context"))
    };
    Command::new("context")
        .about("The servers one works with: list, use, remove")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("List the contexts; the current one has a star")
                .after_long_help("Examples:\n  wheelhouse context list\n  wheelhouse context list --json\n  wheelhouse context list --quiet")
                .arg(flag(name::JSON, "Print JSON; never a credential"))
                .arg(flag(name::QUIET, "Print names only").short('q').conflicts_with(name::JSON)),
        )
        .subcommand(named(
            Command::new("use")
                .about("Make a context the current one")
                .after_long_help("Examples:\n  wheelhouse context use laptop"),
        ))
        .subcommand(named(
            Command::new("remove")
                .about("Forget a context with its credential; a session there goes on until it expires, see logout")
                .after_long_help("Examples:\n  wheelhouse context remove laptop"),
        ))
}

fn completion() -> Command {
    Command::new("completion")
        .about("Print the completion script of a shell")
        .after_long_help(
            "Examples:\n  wheelhouse completion bash > ~/.local/share/bash-completion/completions/wheelhouse\n  \
             wheelhouse completion zsh > ~/.zfunc/_wheelhouse\n  \
             wheelhouse completion fish > ~/.config/fish/completions/wheelhouse.fish",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(["bash", "zsh", "fish"])
                .help("For which shell"),
        )
}

fn man() -> Command {
    Command::new("man")
        .about("Write manual pages into a folder")
        .after_long_help("Examples:\n  wheelhouse man ~/.local/share/man/man1\n  man -l ~/.local/share/man/man1/wheelhouse-panel-list.1")
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(std::path::PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("The folder; made where it is missing"),
        )
}
