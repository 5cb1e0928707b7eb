//! The generated pages of the manual: all error codes, all permissions. Text from declarations, nothing else.
use std::collections::BTreeMap;
use std::fmt::Write;

use wh_base::ErrorCode;
use wh_contract::Role;

use crate::{Module, codes, edge};

/// Every code of the house as a Markdown table: base, database, front door, all modules, and `extra` of the binary.
pub fn error_table(modules: &[Module], extra: &[&[&'static ErrorCode]]) -> String {
    let own = [wh_base::codes::ALL, wh_db::codes::ALL, codes::ALL, edge::codes::ALL];
    let lists = own.iter().chain(extra).copied().chain(modules.iter().map(Module::error_list));
    let all: BTreeMap<&str, &ErrorCode> = lists.flatten().map(|code| (code.code, *code)).collect();
    let mut text = String::from(
        "# Errors\n\nEvery refusal is `application/problem+json` (RFC 9457) with one of these codes. Codes never change their meaning.\n\n\
         | code | status | what happened | what to do |\n|---|---|---|---|\n",
    );
    for code in all.values() {
        let (status, hint) = (code.kind.status(), cell(code.hint));
        let _ = writeln!(
            text,
            "| <a id=\"{0}\"></a>`{0}` | {status} | {1} | {hint} |",
            code.code,
            cell(code.summary)
        );
    }
    text
}

/// Every permission as a Markdown table: which roles hold it, what it allows.
pub fn permission_table(modules: &[Module]) -> String {
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
    let mut text = format!(
        "# Permissions\n\nA role holds every permission of the roles before it. What concerns the installation as a \
         whole it holds in the operator's company only: [Running Wheelhouse](operations.md), \"Who operates the installation\".\n\n| permission | {} | what it allows |\n|---|{}---|\n",
        roles.join(" | "),
        "---|".repeat(roles.len())
    );
    for permission in modules.iter().flat_map(Module::permission_list) {
        let yes = if permission.is_of_installation() { "in the operator's company" } else { "yes" };
        let held: Vec<&str> =
            Role::ALL.iter().map(|role| if *role >= permission.lowest_role { yes } else { "" }).collect();
        let _ =
            writeln!(text, "| `{}` | {} | {} |", permission.name, held.join(" | "), cell(permission.summary));
    }
    text
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
