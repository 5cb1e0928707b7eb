//! The inner loops: one byte per row and block, 1 for a row that passes. Written so that the compiler vectorises them.
use super::column::{Code, Codes, with_codes};
use super::compile::Cut;

/// Rows looked at together: a mask of this size stays in the first-level cache.
pub(crate) const BLOCK: usize = 4_096;

/// Ranges tested one by one; more are looked up by halving.
const RANGES_LINEAR: usize = 8;

/// How a test meets what the mask holds.
#[derive(Clone, Copy, PartialEq)]
enum Meet {
    Set,
    And,
    Or,
}

/// Sets the mask to the rows of the block that pass.
pub(crate) fn evaluate(cut: &Cut<'_>, from: usize, mask: &mut [u8]) {
    put(cut, from, mask, Meet::Set);
}

fn put(cut: &Cut<'_>, from: usize, mask: &mut [u8], meet: Meet) {
    match cut {
        // Groups have swallowed these; only a filter as a whole can still be one.
        Cut::Fixed(fixed) => mask.iter_mut().for_each(|passes| match meet {
            Meet::Set => *passes = u8::from(*fixed),
            Meet::And => *passes &= u8::from(*fixed),
            Meet::Or => *passes |= u8::from(*fixed),
        }),
        Cut::Within { codes, ranges, negate } => {
            with_codes!(codes, codes => within(&codes[from..from + mask.len()], ranges, *negate, mask, meet));
        }
        Cut::Table { codes, table, negate } => {
            let flip = u8::from(*negate);
            with_codes!(codes, codes => {
                let codes = &codes[from..from + mask.len()];
                with(codes, mask, meet, |code| table[code.wide() as usize] ^ flip);
            });
        }
        Cut::All(_) | Cut::Any(_) | Cut::Not(_) if meet != Meet::Set => {
            let mut own = [0_u8; BLOCK];
            let own = &mut own[..mask.len()];
            put(cut, from, own, Meet::Set);
            with(own, mask, meet, |passes| passes);
        }
        Cut::All(parts) => {
            for (place, part) in parts.iter().enumerate() {
                put(part, from, mask, if place == 0 { Meet::Set } else { Meet::And });
                if !any(mask) {
                    return;
                }
            }
        }
        Cut::Any(parts) => {
            for (place, part) in parts.iter().enumerate() {
                put(part, from, mask, if place == 0 { Meet::Set } else { Meet::Or });
            }
        }
        Cut::Not(part) => {
            put(part, from, mask, Meet::Set);
            for passes in mask {
                *passes ^= 1;
            }
        }
    }
}

#[expect(clippy::fn_params_excessive_bools, reason = "part of the compiled filter, not a switch")]
fn within<T: Code>(codes: &[T], ranges: &[(u64, u64)], negate: bool, mask: &mut [u8], meet: Meet) {
    let flip = u8::from(negate);
    match ranges {
        [(low, high)] => {
            let (low, span) = (T::narrow(*low), T::narrow(high - low));
            with(codes, mask, meet, |code| u8::from(code.minus(low) <= span) ^ flip);
        }
        _ if ranges.len() <= RANGES_LINEAR => {
            let mut own = [0_u8; BLOCK];
            let own = &mut own[..mask.len()];
            for (low, high) in ranges {
                let (low, span) = (T::narrow(*low), T::narrow(high - low));
                with(codes, own, Meet::Or, |code| u8::from(code.minus(low) <= span));
            }
            with(own, mask, meet, |passes| passes ^ flip);
        }
        _ => with(codes, mask, meet, |code| {
            let code = code.wide();
            let place = ranges.partition_point(|(_, high)| *high < code);
            u8::from(ranges.get(place).is_some_and(|(low, _)| *low <= code)) ^ flip
        }),
    }
}

/// Keeps only the rows of the mask whose code lies from low to high.
pub(crate) fn keep_within(codes: &Codes, from: usize, low: u64, high: u64, mask: &mut [u8]) {
    with_codes!(codes, codes => within(&codes[from..from + mask.len()], &[(low, high)], false, mask, Meet::And));
}

#[inline]
fn with<T: Copy>(values: &[T], mask: &mut [u8], meet: Meet, test: impl Fn(T) -> u8) {
    let pairs = mask.iter_mut().zip(values);
    match meet {
        Meet::Set => pairs.for_each(|(passes, value)| *passes = test(*value)),
        Meet::And => pairs.for_each(|(passes, value)| *passes &= test(*value)),
        Meet::Or => pairs.for_each(|(passes, value)| *passes |= test(*value)),
    }
}

/// Whether a row passes.
pub(crate) fn any(mask: &[u8]) -> bool {
    mask.iter().fold(0, |some, passes| some | passes) != 0
}

/// How many rows pass.
pub(crate) fn count(mask: &[u8]) -> usize {
    // A run of 128 sums up within a byte, sixteen lanes at a time.
    mask.chunks(128).map(|run| usize::from(run.iter().sum::<u8>())).sum()
}

/// Calls with the place of each row that passes, in order.
pub(crate) fn each_passing(mask: &[u8], mut call: impl FnMut(usize)) {
    let (words, rest) = mask.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let mut word = u64::from_le_bytes(*word);
        while word != 0 {
            call(place * 8 + word.trailing_zeros() as usize / 8);
            word &= word - 1;
        }
    }
    let start = words.len() * 8;
    rest.iter().enumerate().filter(|(_, passes)| **passes != 0).for_each(|(place, _)| call(start + place));
}
