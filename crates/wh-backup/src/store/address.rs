//! Where a bucket lies and who opens it: what an operator wrote, read and checked. Sends nothing.
use std::path::PathBuf;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::{Host, Url};
use wh_base::{Error, Result, Secret};

use super::told::Telling;
use crate::codes;

const SCHEME: &str = "s3";
const BUCKET_CHARACTERS_MIN: usize = 3;
const BUCKET_CHARACTERS_MAX: usize = 63;
/// A part is 4 MiB at most: enough for half a megabit per second.
const REQUEST_MAX: Duration = Duration::from_mins(1);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Together with the waits between them about ten seconds: a server that restarts is not noticed, one that is away is named.
const RETRIES_MAX: usize = 6;
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(4);
const RETRY_ALL_MAX: Duration = Duration::from_mins(1);

/// Where backups lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket.
    Bucket(BucketName),
}

/// A bucket, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketName {
    /// Its name.
    pub bucket: String,
    /// What every name begins with; empty for the bucket itself.
    pub prefix: String,
}

impl Target {
    /// A path, or `s3://BUCKET/PREFIX`. Its words are shown everywhere, so no secret may stand in them.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        if scheme != SCHEME {
            return Err(wrong(
                "target has a scheme that is none of ours: it is a folder or s3://BUCKET/PREFIX",
            ));
        }
        if rest.contains('@') {
            return Err(wrong(
                "target holds credentials: they belong into s3_access_key_id and s3_secret_access_key",
            ));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let fits = |text: &str, others: &str| {
            text.chars().all(|one| one.is_ascii_alphanumeric() || others.contains(one))
        };
        let length = BUCKET_CHARACTERS_MIN..=BUCKET_CHARACTERS_MAX;
        if !length.contains(&bucket.len()) || !fits(bucket, "-._") {
            return Err(wrong("target names no bucket: it is s3://BUCKET/PREFIX"));
        }
        let steps_fit = prefix.is_empty() || prefix.split('/').all(|step| !matches!(step, "" | "." | ".."));
        if !steps_fit || !fits(prefix, "-._=/") {
            return Err(wrong("target has a prefix with signs that not every object store takes"));
        }
        Ok(Self::Bucket(BucketName { bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
    }
}

impl BucketName {
    /// How it is named to a person.
    pub fn words(&self) -> String {
        let Self { bucket, prefix } = self;
        if prefix.is_empty() {
            format!("{SCHEME}://{bucket}")
        } else {
            format!("{SCHEME}://{bucket}/{prefix}")
        }
    }
}

/// How a bucket stands in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `https://host/bucket/name`.
    Path,
    /// `https://bucket.host/name`.
    Host,
}

/// Which ways are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS only.
    Tls,
    /// Also plain HTTP, where the endpoint says so: whoever listens reads names and sizes, and the content stays sealed.
    PlainToo,
}

/// The object store that holds the bucket, and the credentials for it.
#[derive(Clone, Debug)]
pub struct S3 {
    /// Its address; Amazon's own for the region without one.
    pub endpoint: Option<String>,
    /// Part of every signature.
    pub region: String,
    /// How the bucket stands in the address.
    pub addressing: Addressing,
    /// Which ways are taken.
    pub transport: Transport,
    /// Who asks.
    pub access_key_id: String,
    /// What signs.
    pub secret_access_key: Secret<String>,
    /// Of credentials that end soon.
    pub session_token: Option<Secret<String>>,
}

impl S3 {
    /// Something that speaks to the bucket.
    pub(super) fn client(&self, name: &BucketName) -> Result<AmazonS3> {
        let options = ClientOptions::new()
            .with_allow_http(self.transport == Transport::PlainToo)
            .with_timeout(REQUEST_MAX)
            .with_connect_timeout(CONNECT_MAX);
        let mut builder = AmazonS3Builder::new()
            .with_client_options(options)
            .with_retry(retries())
            .with_http_connector(Telling)
            .with_bucket_name(name.bucket.clone())
            .with_region(self.region.clone())
            .with_virtual_hosted_style_request(self.addressing == Addressing::Host)
            // Not every store knows how to remove many at once.
            .with_disable_bulk_delete(true)
            .with_access_key_id(self.access_key_id.clone())
            .with_secret_access_key(self.secret_access_key.expose().clone());
        if let Some(token) = &self.session_token {
            builder = builder.with_token(token.expose().clone());
        }
        if let Some(endpoint) = self.endpoint_of(name)? {
            builder = builder.with_endpoint(endpoint);
        }
        builder.build().map_err(|e| codes::PLACE.caused(format!("{} cannot be used", name.words()), e))
    }

    /// What can be wrong without a look at the bucket.
    pub fn check(&self, name: &BucketName) -> Result<()> {
        self.endpoint_of(name).map(drop)
    }

    fn endpoint_of(&self, name: &BucketName) -> Result<Option<String>> {
        let Some(text) = &self.endpoint else { return Ok(None) };
        let mut url =
            Url::parse(text).map_err(|_| wrong("s3_endpoint is no address like https://s3.example.com"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.transport == Transport::PlainToo => {}
            "http" => {
                return Err(wrong(
                    "s3_endpoint is plain http: use https, or set s3_allow_http = true where the way is safe",
                ));
            }
            _ => return Err(wrong("s3_endpoint begins with neither https:// nor http://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "s3_endpoint holds credentials: they belong into s3_access_key_id and s3_secret_access_key",
            ));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("s3_endpoint goes on behind host and port: the bucket belongs into target"));
        }
        if self.addressing == Addressing::Host {
            let host = match url.host() {
                Some(Host::Domain(host)) => format!("{}.{host}", name.bucket),
                _ => return Err(wrong("s3_endpoint has a number for a host: set s3_path_style = true")),
            };
            url.set_host(Some(&host)).map_err(|_| wrong("s3_endpoint takes no bucket before its host"))?;
        }
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    }
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: RETRY_FIRST, max_backoff: RETRY_WAIT_MAX, base: 2.0 },
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_ALL_MAX,
    }
}

/// Never with the text itself: somebody may have written a secret into it.
fn wrong(message: &str) -> Error {
    codes::PLACE.error(message)
}
