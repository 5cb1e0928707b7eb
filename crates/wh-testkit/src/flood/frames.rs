//! HTTP/2 frames as bytes, also such as no honest client sends (RFC 9113 4.1, RFC 7541).

/// A piece of a body.
pub const DATA: u8 = 0;
/// A head, or its beginning.
pub const HEADERS: u8 = 1;
/// The end of a stream before its time.
pub const RST_STREAM: u8 = 3;
/// What the sender wants of the connection; has to be acknowledged.
pub const SETTINGS: u8 = 4;
/// Has to be sent back.
pub const PING: u8 = 6;
/// The end of the connection, with a reason.
pub const GOAWAY: u8 = 7;
/// Room for more of a body.
pub const WINDOW_UPDATE: u8 = 8;
/// More of a head.
pub const CONTINUATION: u8 = 9;

/// The flag of the last frame that the sender has for a stream.
pub const END_STREAM: u8 = 1;
/// The flag of the last frame of a head.
pub const END_HEADERS: u8 = 4;
/// The code of "calm down" in GOAWAY (RFC 9113 7).
pub const ENHANCE_YOUR_CALM: u32 = 0xb;

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What a connection begins with.
pub fn preface(settings: &[u8]) -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, settings)[..]].concat()
}

/// A field written out, neither from a table nor put into one.
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127);
        field.push(length.expect("a short text"));
        field.extend(text.as_bytes());
    }
    field
}

/// The number of a client's stream, from 0 on.
pub fn odd(n: u32) -> u32 {
    2 * n + 1
}

/// The block of a GET: method and scheme from the static table, path and authority written out, nothing Huffman-coded.
pub fn head(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    for (name, value) in [(0x04, path), (0x01, "localhost")] {
        block.extend([name, u8::try_from(value.len()).expect("a short value")]);
        block.extend(value.as_bytes());
    }
    block
}
