//! What an operator writes for a place, and what is refused of it. Nothing is sent.
use wh_backup::{Addressing, BucketName, S3, Target, Transport, codes};
use wh_base::Secret;

const SECRET: &str = "never-to-be-printed";

fn s3(endpoint: &str, addressing: Addressing, transport: Transport) -> S3 {
    S3 {
        endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        addressing,
        transport,
        access_key_id: "AKIA".to_owned(),
        secret_access_key: Secret::new(SECRET.to_owned()),
        session_token: None,
    }
}

fn bucket(bucket: &str, prefix: &str) -> BucketName {
    BucketName { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
}

#[test]
fn a_target_is_a_folder_or_a_bucket() {
    for folder in ["/mnt/backup", "relative/folder", "C:/odd", "s3:/one-slash"] {
        assert_eq!(Target::parse(folder).expect("a folder"), Target::Folder(folder.into()));
    }
    for (text, name) in [
        ("s3://company-backups", bucket("company-backups", "")),
        ("s3://company-backups/", bucket("company-backups", "")),
        ("s3://b.c_d/a/b-1/", bucket("b.c_d", "a/b-1")),
    ] {
        assert_eq!(Target::parse(text).expect("a bucket"), Target::Bucket(name));
    }
    for text in [
        "s3://",
        "s3://ab",
        "s3:///prefix",
        "s3://bucket/a//b",
        "s3://bucket/../other",
        "s3://bucket/a?b",
        "s3://bucket/a b",
        "s3://bucket:9000/a",
        "https://bucket.s3.amazonaws.com/a",
        "s3://key:never-to-be-printed@bucket/a",
    ] {
        let refused = Target::parse(text).expect_err(text);
        assert!(refused.is(&codes::PLACE), "{text}: {refused:?}");
        assert!(!format!("{refused:?}").contains(SECRET), "{refused:?}");
    }
}

#[test]
fn an_endpoint_is_a_host_and_plain_http_only_where_it_is_meant() {
    let name = bucket("company-backups", "");
    let good = [
        ("", Addressing::Path, Transport::Tls),
        ("https://s3.example.com", Addressing::Path, Transport::Tls),
        ("https://s3.example.com:9000/", Addressing::Host, Transport::Tls),
        ("http://127.0.0.1:9000", Addressing::Path, Transport::PlainToo),
    ];
    for (endpoint, addressing, transport) in good {
        let checked = s3(endpoint, addressing, transport).check(&name);
        assert!(checked.is_ok(), "{endpoint}: {checked:?}");
    }
    let bad = [
        ("s3.example.com", Addressing::Path, Transport::Tls),
        ("http://s3.example.com", Addressing::Path, Transport::Tls),
        ("ftp://s3.example.com", Addressing::Path, Transport::PlainToo),
        ("https://s3.example.com/bucket", Addressing::Path, Transport::Tls),
        ("https://s3.example.com?region=x", Addressing::Path, Transport::Tls),
        ("https://key:never-to-be-printed@s3.example.com", Addressing::Path, Transport::Tls),
        ("http://127.0.0.1:9000", Addressing::Host, Transport::PlainToo),
    ];
    for (endpoint, addressing, transport) in bad {
        let config = s3(endpoint, addressing, transport);
        let refused = config.check(&name).expect_err(endpoint);
        assert!(refused.is(&codes::PLACE), "{endpoint}: {refused:?}");
        assert!(!format!("{refused:?}").contains(SECRET), "{refused:?}");
    }
    assert!(!format!("{:?}", s3("", Addressing::Path, Transport::Tls)).contains(SECRET));
}
