//! Files that are no text: known by their first bytes, or by a NUL in them. Names them for people; reads none of them.
use wh_base::Result;

use crate::codes;

/// Bytes of the begin that tell a known format.
pub(crate) const MAGIC_BYTES: usize = 16;

/// First bytes that no text begins with, and what the file then is.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "compressed with gzip"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (XLSX)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"PAR1\x15", "a Parquet file"),
    (b"ARROW1\0", "an Arrow file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF-", "a PDF document"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"BZh91AY&SY", "compressed with bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an old office program (XLS, DOC)"),
    (b"Obj\x01", "an Avro file"),
];

/// Refuses the begin of a file that is of a known binary format.
pub(crate) fn refuse_known(begin: &[u8]) -> Result<()> {
    match MAGIC.iter().find(|(magic, _)| begin.starts_with(magic)) {
        Some((_, what)) => Err(codes::NOT_TEXT.error(format!("the file is {what}, not text"))),
        None => Ok(()),
    }
}

/// Refuses decoded text that holds a NUL: no text file does, and what does is mostly binary.
pub(crate) fn refuse_nul(text: &[u8]) -> Result<()> {
    match memchr::memchr(0, text) {
        Some(_) => Err(codes::NOT_TEXT.error("the file holds NUL bytes, so it is not text")),
        None => Ok(()),
    }
}
