//! From the bytes of a file to UTF-8, piece by piece. Bytes that are no characters come out as an invalid byte, so that
//! their line is set aside later; nothing is replaced silently.
use super::options::Encoding;

/// A byte that UTF-8 never holds: marks the place of what could not be decoded.
const INVALID: u8 = 0xFF;

/// What Windows-1252 makes of 0x80 to 0x9F; undefined ones are the C1 controls, as in the WHATWG encoding standard.
const WINDOWS_1252: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2C6}',
    '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}', '\u{90}', '\u{2018}',
    '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}',
    '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
];

/// Decodes a stream; keeps what a piece ended in the middle of.
#[derive(Debug)]
pub(crate) struct Decoder {
    encoding: Encoding,
    /// Bytes of the byte order mark that may still come.
    mark: Vec<u8>,
    begun: bool,
    /// UTF-16: the odd byte of a unit, and the first half of a pair.
    odd: Option<u8>,
    high: Option<u16>,
}

impl Decoder {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, mark: Vec::new(), begun: false, odd: None, high: None }
    }

    /// Appends the piece to `out` as UTF-8.
    pub(crate) fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.begun {
            return self.decode_body(bytes, out);
        }
        let mark: &[u8] = match self.encoding {
            Encoding::Utf8 => &[0xEF, 0xBB, 0xBF],
            Encoding::Utf16Le => &[0xFF, 0xFE],
            Encoding::Utf16Be => &[0xFE, 0xFF],
            Encoding::Windows1252 => &[],
        };
        self.mark.extend_from_slice(bytes);
        if self.mark.len() < mark.len() && mark.starts_with(&self.mark) {
            return;
        }
        self.begun = true;
        let held = std::mem::take(&mut self.mark);
        self.decode_body(held.strip_prefix(mark).unwrap_or(&held), out);
    }

    /// The end of the stream: what is left over is marked as invalid.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            let held = std::mem::take(&mut self.mark);
            self.decode_body(&held, out);
        }
        if self.odd.take().is_some() || self.high.take().is_some() {
            out.push(INVALID);
        }
    }

    fn decode_body(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Utf8 => out.extend_from_slice(bytes),
            Encoding::Windows1252 => windows_1252(bytes, out),
            Encoding::Utf16Le => self.utf16(bytes, u16::from_le_bytes, out),
            Encoding::Utf16Be => self.utf16(bytes, u16::from_be_bytes, out),
        }
    }

    fn utf16(&mut self, mut bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut Vec<u8>) {
        if let (Some(first), Some(second)) = (self.odd, bytes.first()) {
            self.odd = None;
            self.unit(unit([first, *second]), out);
            bytes = &bytes[1..];
        }
        let pairs = bytes.chunks_exact(2);
        if let [last] = pairs.remainder() {
            self.odd = Some(*last);
        }
        for pair in pairs {
            self.unit(unit([pair[0], pair[1]]), out);
        }
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            if (0xDC00..0xE000).contains(&unit) {
                let code = 0x1_0000 + ((u32::from(high) - 0xD800) << 10) + (u32::from(unit) - 0xDC00);
                push(char::from_u32(code), out);
                return;
            }
            out.push(INVALID);
        }
        if (0xD800..0xDC00).contains(&unit) {
            self.high = Some(unit);
        } else {
            push(char::from_u32(u32::from(unit)), out);
        }
    }
}

fn push(character: Option<char>, out: &mut Vec<u8>) {
    match character {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.push(INVALID),
    }
}

fn windows_1252(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len());
    for byte in bytes {
        match byte {
            0..=0x7F => out.push(*byte),
            0x80..=0x9F => push(Some(WINDOWS_1252[usize::from(byte - 0x80)]), out),
            _ => push(Some(char::from(*byte)), out),
        }
    }
}

/// The encoding a sample looks like: a byte order mark, zero bytes in every second place, valid UTF-8, else
/// Windows-1252. None when it looks like no text at all.
pub(crate) fn detect(sample: &[u8]) -> Option<Encoding> {
    match sample {
        [0xEF, 0xBB, 0xBF, ..] => return Some(Encoding::Utf8),
        [0xFF, 0xFE, ..] => return Some(Encoding::Utf16Le),
        [0xFE, 0xFF, ..] => return Some(Encoding::Utf16Be),
        _ => {}
    }
    let head = &sample[..sample.len().min(4096)];
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let half = head.len() / 2;
    if half >= 2 && odd * 10 >= half * 7 && even * 10 < half {
        return Some(Encoding::Utf16Le);
    }
    if half >= 2 && even * 10 >= half * 7 && odd * 10 < half {
        return Some(Encoding::Utf16Be);
    }
    let controls = head.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=30 | 127)).count();
    if controls * 50 > head.len() {
        return None;
    }
    match std::str::from_utf8(sample) {
        Ok(_) => Some(Encoding::Utf8),
        // A character cut at the end of the sample is no contradiction.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => Some(Encoding::Utf8),
        Err(_) => Some(Encoding::Windows1252),
    }
}
