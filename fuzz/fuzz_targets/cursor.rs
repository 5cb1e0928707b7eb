//! A cursor of a list, which everybody may write themselves: refused or understood, and one that we wrote leads on.
#![no_main]
use libfuzzer_sys::fuzz_target;
use wh_server::page::{Page, PageOf};

fuzz_target!(|text: &str| {
    let asked = |cursor: &str| Page { cursor: Some(cursor.to_owned()), limit: None };
    let _forged = asked(text).after::<(String, u64)>("panel_list");
    let key = (text.to_owned(), text.len() as u64);
    let rows = vec![key.clone(), key.clone()];
    let page = PageOf::new("panel_list", rows, 1, Clone::clone).expect("a page");
    let cursor = page.next_cursor.expect("there is one more row");
    if let Ok(Some(after)) = asked(&cursor).after::<(String, u64)>("panel_list") {
        assert_eq!(after, key, "our own cursor leads elsewhere");
    }
    let elsewhere = asked(&cursor).after::<(String, u64)>("member_list");
    assert!(elsewhere.is_err(), "a cursor of one list is taken by another");
});
