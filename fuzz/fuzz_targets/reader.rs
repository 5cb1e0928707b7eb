//! A file of CSV, TSV or NDJSON: what detection makes of it can be read, and however it is cut, into pieces and into blocks,
//! the rows and the bad lines are the same.
#![no_main]
use libfuzzer_sys::fuzz_target;
use wh_dataset::read::{BLOCK_BYTES, Format, ReadHints, detect, read_whole};

/// Pieces end after as many bytes as the first bytes of the input say.
const CUTS: usize = 3;
/// Blocks are as many times this long, and a byte, as the byte behind them says.
const BLOCK_STEP: usize = 4;

fuzz_target!(|input: &[u8]| {
    let Some((cuts, rest)) = input.split_at_checked(CUTS) else { return };
    let Some((kind, file)) = rest.split_first() else { return };
    let format = match kind % 4 {
        0 => None,
        1 => Some(Format::Csv),
        2 => Some(Format::Tsv),
        _ => Some(Format::Ndjson),
    };
    let hints = ReadHints { format, ..ReadHints::default() };
    let Ok(detected) = detect(file, None, &hints) else { return };
    let options = detected.options;
    let whole = read_whole(&options, &[file], BLOCK_BYTES).expect("what was detected can be read");
    let block_bytes = 1 + usize::from(kind / 4) * BLOCK_STEP;
    let cut = read_whole(&options, &pieces(file, cuts), block_bytes).expect("in pieces as well");
    assert_eq!(whole, cut, "a cut changes what is read");
});

fn pieces<'a>(mut file: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for bytes in cuts.iter().cycle() {
        let (piece, rest) = file.split_at(file.len().min(1 + usize::from(*bytes)));
        pieces.push(piece);
        file = rest;
        if file.is_empty() {
            break;
        }
    }
    pieces
}
