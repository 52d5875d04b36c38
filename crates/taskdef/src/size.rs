//! CPU and memory of a Fargate task.

use std::ops::RangeInclusive;

/// CPU in units of 1/1024 vCPU from ECS's spellings: `256`, `.25 vCPU`, `1 vcpu`.
#[must_use]
pub fn cpu_units(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix("vcpu") {
        Some(number) => decimal_times(number.trim(), 1024),
        None => text.parse().ok(),
    }
}

/// Memory in MiB from ECS's spellings: `512`, `1GB`, `.5 gb`.
#[must_use]
pub fn memory_mib(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix("gb") {
        Some(number) => decimal_times(number.trim(), 1024),
        None => text.strip_suffix("mb").unwrap_or(&text).trim().parse().ok(),
    }
}

/// A decimal number times a factor, if the product is whole.
fn decimal_times(text: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) || fraction.len() > 6
    {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scaled = whole.checked_mul(scale)?.checked_add(fraction)?.checked_mul(factor)?;
    scaled.is_multiple_of(scale).then_some(scaled / scale)
}

/// Fargate's memory choices (MiB) for each CPU size on Linux: range and step, then single values.
const SIZES: &[(u64, RangeInclusive<u64>, u64)] = &[
    (256, 512..=512, 512),
    (256, 1024..=2048, 1024),
    (512, 1024..=4096, 1024),
    (1024, 2048..=8192, 1024),
    (2048, 4096..=16384, 1024),
    (4096, 8192..=30720, 1024),
    (8192, 16384..=61440, 4096),
    (16384, 32768..=122_880, 8192),
    (32768, 61440..=61440, 1),
    (32768, 122_880..=122_880, 1),
    (32768, 249_856..=249_856, 1),
];

/// Whether Fargate (Linux) has tasks of that size.
#[must_use]
pub fn is_fargate_size(cpu: u64, memory: u64) -> bool {
    SIZES.iter().any(|(units, range, step)| {
        *units == cpu && range.contains(&memory) && (memory - range.start()).is_multiple_of(*step)
    })
}

/// Fargate's memory choices for a CPU size, for messages; `None` if there is no such CPU size.
#[must_use]
pub fn memory_choices(cpu: u64) -> Option<String> {
    let gib = |mib: u64| if mib < 1024 { format!("0.{}", mib * 10 / 1024) } else { (mib / 1024).to_string() };
    let parts: Vec<String> = SIZES
        .iter()
        .filter(|(units, ..)| *units == cpu)
        .map(|(_, range, step)| match (range.start(), range.end()) {
            (start, end) if start == end => format!("{} GB", gib(*start)),
            (start, end) => format!("{} to {} GB by {}", gib(*start), gib(*end), gib(*step)),
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{cpu_units, is_fargate_size, memory_choices, memory_mib};

    #[test]
    fn spellings_of_ecs() {
        for (text, units) in [
            ("256", Some(256)),
            (".25 vCPU", Some(256)),
            ("1 vcpu", Some(1024)),
            ("0.3 vCPU", None),
            ("", None),
            ("-1", None),
            ("99999999999999 vcpu", Some(99_999_999_999_999 * 1024)),
            ("99999999999999999999", None),
        ] {
            assert_eq!(cpu_units(text), units, "{text}");
        }
        for (text, mib) in [("512", Some(512)), ("1GB", Some(1024)), (".5 gb", Some(512)), (". gb", None)] {
            assert_eq!(memory_mib(text), mib, "{text}");
        }
    }

    #[test]
    fn pairs_of_fargate() {
        assert!(is_fargate_size(256, 512) && is_fargate_size(4096, 30720) && is_fargate_size(32768, 249_856));
        assert!(!is_fargate_size(256, 4096) && !is_fargate_size(300, 512) && !is_fargate_size(8192, 17408));
        assert_eq!(memory_choices(256).unwrap(), "0.5 GB, 1 to 2 GB by 1");
        assert_eq!(memory_choices(300), None);
    }
}
