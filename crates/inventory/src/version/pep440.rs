//! Python's order (PEP 440, now the packaging specification's "Version specifiers"). What is no such version comes before
//! all that are.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// A version in the parts that its order needs.
#[derive(Debug, Default)]
struct Version {
    epoch: Vec<u8>,
    release: Vec<Vec<u8>>,
    /// 0 `a`, 1 `b`, 2 `rc`, and its number.
    pre: Option<(u8, Vec<u8>)>,
    post: Option<Vec<u8>>,
    dev: Option<Vec<u8>>,
    local: Vec<Vec<u8>>,
}

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => left.cmp(right),
    }
}

impl Version {
    fn compare(&self, other: &Self) -> Ordering {
        compare_digits(&self.epoch, &other.epoch)
            .then_with(|| self.compare_release(other))
            .then_with(|| self.pre_rank().0.cmp(&other.pre_rank().0))
            .then_with(|| compare_digits(self.pre_rank().1, other.pre_rank().1))
            .then_with(|| compare_optional(self.post.as_deref(), other.post.as_deref()))
            // A development release comes before what it develops.
            .then_with(|| match (&self.dev, &other.dev) {
                (Some(one), Some(other)) => compare_digits(one, other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            })
            .then_with(|| compare_local(&self.local, &other.local))
    }

    fn compare_release(&self, other: &Self) -> Ordering {
        let number = |release: &[Vec<u8>], at: usize| release.get(at).cloned().unwrap_or_default();
        (0..self.release.len().max(other.release.len()))
            .map(|at| compare_digits(&number(&self.release, at), &number(&other.release, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// A development release of a final one comes before its alphas.
    fn pre_rank(&self) -> (u8, &[u8]) {
        match &self.pre {
            Some((word, number)) => (word + 1, number),
            None if self.post.is_none() && self.dev.is_some() => (0, b""),
            None => (4, b""),
        }
    }
}

fn compare_optional(left: Option<&[u8]>, right: Option<&[u8]>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => compare_digits(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// Words come before numbers; a longer one is newer.
fn compare_local(left: &[Vec<u8>], right: &[Vec<u8>]) -> Ordering {
    let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    for (one, other) in left.iter().zip(right) {
        let order = match (is_number(one), is_number(other)) {
            (true, true) => compare_digits(one, other),
            (false, false) => one.cmp(other),
            (number, _) => number.cmp(&!number),
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn parse(text: &str) -> Option<Version> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix('v').unwrap_or(&text);
    let (public, local) = text.split_once('+').map_or((text, None), |(public, local)| (public, Some(local)));
    let mut version = Version::default();
    if let Some(local) = local {
        version.local = local.split(['.', '-', '_']).map(|part| part.as_bytes().to_vec()).collect();
        let sound = |part: &Vec<u8>| !part.is_empty() && part.iter().all(u8::is_ascii_alphanumeric);
        if !version.local.iter().all(sound) {
            return None;
        }
    }
    let mut rest = public;
    if let Some((epoch, after)) = public.split_once('!') {
        version.epoch = digits(epoch)?;
        rest = after;
    }
    let mut rest = rest.as_bytes();
    loop {
        let (number, after) = take_while(rest, |byte| byte.is_ascii_digit());
        if number.is_empty() {
            return None;
        }
        version.release.push(number.to_vec());
        rest = after;
        match after {
            [b'.', next, ..] if next.is_ascii_digit() => rest = after.get(1..).unwrap_or_default(),
            _ => break,
        }
    }
    while !rest.is_empty() {
        rest = suffix(rest, &mut version)?;
    }
    Some(version)
}

fn digits(text: &str) -> Option<Vec<u8>> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.as_bytes().to_vec())
}

/// Takes one of `a1`, `.post1`, `-1`, `.dev1` and their other spellings; each at most once and in that order.
fn suffix<'a>(rest: &'a [u8], version: &mut Version) -> Option<&'a [u8]> {
    let may_be_pre = version.pre.is_none() && version.post.is_none() && version.dev.is_none();
    let may_be_post = version.post.is_none() && version.dev.is_none();
    let (separator, word_on) = match rest {
        [separator @ (b'.' | b'-' | b'_'), ..] => (Some(*separator), rest.get(1..).unwrap_or_default()),
        _ => (None, rest),
    };
    if separator == Some(b'-') && may_be_post {
        let (number, after) = take_while(word_on, |byte| byte.is_ascii_digit());
        if !number.is_empty() {
            version.post = Some(number.to_vec());
            return Some(after);
        }
    }
    let (word, after) = take_while(word_on, |byte| byte.is_ascii_lowercase());
    // The number may have a separator of its own, and be left out behind it.
    let numbered = match after {
        [b'.' | b'-' | b'_', after @ ..] => after,
        _ => after,
    };
    let (number, after) = take_while(numbered, |byte| byte.is_ascii_digit());
    let number = number.to_vec();
    match word {
        b"a" | b"alpha" if may_be_pre => version.pre = Some((0, number)),
        b"b" | b"beta" if may_be_pre => version.pre = Some((1, number)),
        b"c" | b"rc" | b"pre" | b"preview" if may_be_pre => version.pre = Some((2, number)),
        b"post" | b"rev" | b"r" if may_be_post => version.post = Some(number),
        b"dev" if version.dev.is_none() => version.dev = Some(number),
        _ => return None,
    }
    Some(after)
}
