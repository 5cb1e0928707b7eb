//! The operations as the spec shows them: names, permissions and risks stand here so that a change is seen.
use std::fmt::Write;

#[test]
fn the_operations_are_these() {
    let spec = wh_server::describe(&[wh_identity::shape()]).unwrap_or_else(|error| panic!("{error}"));
    let mut list = String::new();
    for (path, methods) in spec["paths"].as_object().expect("paths") {
        let Some(path) = path.strip_prefix("/v1/identity/") else { continue };
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let permission = operation["x-permission"].as_str().unwrap_or("-");
            let risk = operation["x-risk"].as_str().unwrap_or_default();
            writeln!(list, "{method} {path} {id} {permission} {risk}").expect("a string");
        }
    }
    insta::assert_snapshot!(list, @"");
}
