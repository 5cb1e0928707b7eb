//! The filter and the sort of a view, as they stand in an address: what is understood is written as what is understood again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use wh_dataset::{Filter, SortKey};

fuzz_target!(|text: &str| {
    if let Ok(filter) = Filter::parse(text) {
        let written = serde_json::to_string(&filter).expect("a filter is JSON");
        let again = Filter::parse(&written).expect("what we write we understand");
        assert_eq!(filter, again, "{written}");
    }
    if let Ok(keys) = SortKey::parse_list(text) {
        assert!(keys.iter().all(|key| !key.column.is_empty()), "a key names a column");
    }
});
