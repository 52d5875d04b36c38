//! MD5 (RFC 1321) of several files at a time.
//!
//! One MD5 is a chain in which every step waits for the one before, so a processor is mostly idle. Four chains side
//! by side fill its vector units: several times the speed of one after the other, in plain Rust.

/// Chains computed side by side.
const LANES: usize = 4;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

type Lanes = [u32; LANES];

/// The state of one file's digest.
#[derive(Clone, Debug)]
pub(crate) struct Md5 {
    state: [u32; 4],
    length: u64,
    /// What does not fill a block yet.
    rest: Vec<u8>,
}

impl Md5 {
    pub(crate) fn new() -> Self {
        Self { state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476], length: 0, rest: Vec::new() }
    }

    /// Adds bytes; alone, so slowly. For many files use [`update_all`].
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        update_all(&mut [(self, bytes)]);
    }

    /// The digest of everything added.
    pub(crate) fn finish(mut self) -> [u8; 16] {
        let bits = self.length.wrapping_mul(8);
        let mut padding = vec![0x80];
        while (self.rest.len() + padding.len()) % BLOCK != 56 {
            padding.push(0);
        }
        padding.extend_from_slice(&bits.to_le_bytes());
        self.update(&padding);
        let mut digest = [0; 16];
        for (place, word) in digest.chunks_exact_mut(4).zip(self.state) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }

    /// Takes what is needed to fill a begun block; gives the whole blocks that follow.
    fn begin<'bytes>(&mut self, bytes: &'bytes [u8]) -> &'bytes [u8] {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let (fill, after) = bytes.split_at(bytes.len().min(BLOCK - self.rest.len()));
            self.rest.extend_from_slice(fill);
            bytes = after;
            if self.rest.len() == BLOCK {
                let block = std::mem::take(&mut self.rest);
                compress(&mut [Some((&mut self.state, block.as_slice()))], 1);
            }
        }
        let (whole, rest) = bytes.split_at(bytes.len() / BLOCK * BLOCK);
        self.rest.extend_from_slice(rest);
        whole
    }
}

/// Adds bytes to many digests, several at a time.
pub(crate) fn update_all(work: &mut [(&mut Md5, &[u8])]) {
    let mut waiting: Vec<(&mut [u32; 4], &[u8])> = work
        .iter_mut()
        .filter_map(|(digest, bytes)| {
            let whole = digest.begin(bytes);
            (!whole.is_empty()).then_some((&mut digest.state, whole))
        })
        .collect();
    // The longest last, so that it is taken first and no lane is left alone with it.
    waiting.sort_by_key(|(_, bytes)| bytes.len());
    let mut lanes: [Option<(&mut [u32; 4], &[u8])>; LANES] = Default::default();
    loop {
        for lane in &mut lanes {
            if lane.is_none() {
                *lane = waiting.pop();
            }
        }
        let shortest = lanes.iter().flatten().map(|(_, bytes)| bytes.len() / BLOCK).min();
        let Some(blocks) = shortest else { return };
        compress(&mut lanes, blocks);
        for lane in &mut lanes {
            if let Some((_, bytes)) = lane {
                *bytes = bytes.get(blocks * BLOCK..).unwrap_or_default();
                if bytes.is_empty() {
                    *lane = None;
                }
            }
        }
    }
}

/// Amounts of rotation of the four rounds.
const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// floor(2^32 * |sin(i + 1)|), as RFC 1321 defines the table.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// Brings the states of all lanes forward by some blocks.
fn compress(lanes: &mut [Option<(&mut [u32; 4], &[u8])>], blocks: usize) {
    let mut state = [[0_u32; LANES]; 4];
    for (lane, slot) in lanes.iter().enumerate() {
        for (row, word) in state.iter_mut().zip(slot.as_ref().map(|(state, _)| **state).unwrap_or_default()) {
            if let Some(place) = row.get_mut(lane) {
                *place = word;
            }
        }
    }
    let empty: &[u8] = &[];
    let mut inputs = [empty; LANES];
    for (input, slot) in inputs.iter_mut().zip(lanes.iter()) {
        *input = slot.as_ref().map_or(empty, |(_, bytes)| bytes);
    }
    for block in 0..blocks {
        let words = load(&inputs, block);
        round(&mut state, &words);
    }
    for (lane, slot) in lanes.iter_mut().enumerate() {
        if let Some((target, _)) = slot {
            for (word, row) in target.iter_mut().zip(&state) {
                *word = row.get(lane).copied().unwrap_or_default();
            }
        }
    }
}

/// The sixteen words of a block of each lane.
#[inline]
fn load(inputs: &[&[u8]; LANES], block: usize) -> [Lanes; 16] {
    let mut words = [[0_u32; LANES]; 16];
    for (lane, input) in inputs.iter().enumerate() {
        let Some(bytes) = input.get(block * BLOCK..(block + 1) * BLOCK) else { continue };
        for (row, word) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            row[lane] = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        }
    }
    words
}

/// One block of each lane: the 64 steps, written out so that every amount and index is a constant.
#[inline]
fn round(state: &mut [Lanes; 4], words: &[Lanes; 16]) {
    let [mut a, mut b, mut c, mut d] = *state;
    macro_rules! steps {
        ($mix:ident, $round:literal, [$($word:literal)*], [$($step:literal)*]) => {
            $(
                let next = step::<{ ROTATIONS[$round][$step % 4] }, { SINES[$round * 16 + $step] }>(
                    &a, &b, &$mix(&b, &c, &d), &words[$word]);
                (a, d, c, b) = (d, c, b, next);
            )*
        };
    }
    steps!(choose, 0, [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15], [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]);
    steps!(choose_back, 1, [1 6 11 0 5 10 15 4 9 14 3 8 13 2 7 12], [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]);
    steps!(differ, 2, [5 8 11 14 1 4 7 10 13 0 3 6 9 12 15 2], [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]);
    steps!(last, 3, [0 7 14 5 12 3 10 1 8 15 6 13 4 11 2 9], [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]);
    for (row, added) in state.iter_mut().zip([a, b, c, d]) {
        for (word, more) in row.iter_mut().zip(added) {
            *word = word.wrapping_add(more);
        }
    }
}

/// One step in all lanes.
#[inline(always)]
fn step<const BY: u32, const SINE: u32>(a: &Lanes, b: &Lanes, mixed: &Lanes, word: &Lanes) -> Lanes {
    std::array::from_fn(|lane| {
        let sum = a[lane].wrapping_add(mixed[lane]).wrapping_add(SINE).wrapping_add(word[lane]);
        b[lane].wrapping_add(sum.rotate_left(BY))
    })
}

#[inline(always)]
fn choose(b: &Lanes, c: &Lanes, d: &Lanes) -> Lanes {
    std::array::from_fn(|lane| d[lane] ^ (b[lane] & (c[lane] ^ d[lane])))
}

#[inline(always)]
fn choose_back(b: &Lanes, c: &Lanes, d: &Lanes) -> Lanes {
    std::array::from_fn(|lane| c[lane] ^ (d[lane] & (b[lane] ^ c[lane])))
}

#[inline(always)]
fn differ(b: &Lanes, c: &Lanes, d: &Lanes) -> Lanes {
    std::array::from_fn(|lane| b[lane] ^ c[lane] ^ d[lane])
}

#[inline(always)]
fn last(b: &Lanes, c: &Lanes, d: &Lanes) -> Lanes {
    std::array::from_fn(|lane| c[lane] ^ (b[lane] | !d[lane]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Md5, update_all};

    fn hex(digest: [u8; 16]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_test_suite_of_rfc_1321() {
        for (text, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            let mut digest = Md5::new();
            digest.update(text.as_bytes());
            assert_eq!(hex(digest.finish()), expected, "{text}");
        }
    }

    #[test]
    fn many_files_have_the_digests_that_md5sum_says() {
        let directory = tempfile::tempdir().unwrap();
        let contents: Vec<Vec<u8>> = (0..40_usize)
            .map(|number| (0..number * number * 37 % 9001).map(|at| (at * 7 + number) as u8).collect())
            .collect();
        let mut digests: Vec<Md5> = contents.iter().map(|_| Md5::new()).collect();
        update_all(&mut digests.iter_mut().zip(contents.iter().map(Vec::as_slice)).collect::<Vec<_>>());
        let names: Vec<_> =
            (0..contents.len()).map(|number| directory.path().join(number.to_string())).collect();
        for (name, content) in names.iter().zip(&contents) {
            std::fs::write(name, content).unwrap();
        }
        let output = std::process::Command::new("md5sum").args(&names).output().unwrap();
        let expected = String::from_utf8(output.stdout).unwrap();
        for (line, digest) in expected.lines().zip(digests) {
            assert!(line.starts_with(&hex(digest.finish())), "{line}");
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_and_who_is_beside_makes_no_difference(
            files in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..700), 1..20),
            cut in 0_usize..300,
        ) {
            let mut together: Vec<Md5> = files.iter().map(|_| Md5::new()).collect();
            let split = |file: &'_ Vec<u8>| cut.min(file.len());
            let first: Vec<&[u8]> = files.iter().map(|file| &file[..split(file)]).collect();
            let second: Vec<&[u8]> = files.iter().map(|file| &file[split(file)..]).collect();
            for part in [first, second] {
                update_all(&mut together.iter_mut().zip(part).collect::<Vec<_>>());
            }
            for (file, digest) in files.iter().zip(together) {
                let mut alone = Md5::new();
                alone.update(file);
                prop_assert_eq!(digest.finish(), alone.finish());
            }
        }
    }
}
