//! Holds an answer against the spec: its status, its media type and its problem code must be declared. Looks at no content.
use serde_json::Value;

use crate::Answer;

/// Panics when the operation answered in a way that it does not declare.
pub(crate) fn check(spec: &Value, method: &str, path: &str, code: &str, answer: &Answer) {
    let Some((template, operation)) = operation(spec, method, path) else { return };
    let status = answer.status;
    let declared = &operation["responses"][status.to_string()];
    assert!(
        declared.is_object(),
        "{method} {template} answered {status} {code}, which the spec does not declare"
    );
    if !code.is_empty() {
        let codes = operation["x-errors"].as_array().expect("every operation lists its codes");
        assert!(
            codes.iter().any(|known| known == code),
            "{method} {template} answered {code}, which it does not declare"
        );
    }
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default();
    if !answer.body.is_empty() {
        assert!(
            declared["content"][media].is_object(),
            "{method} {template} answered {status} as `{media}`, which is not declared"
        );
    }
}

/// The operation that a path belongs to: a literal segment goes before a parameter.
fn operation<'a>(spec: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let path = path.split('?').next().unwrap_or(path);
    let paths = spec["paths"].as_object()?;
    let fits = paths.iter().filter(|(template, _)| fits(template, path));
    let (template, item) = fits.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.to_ascii_lowercase()).map(|operation| (template.as_str(), operation))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given))
                if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
