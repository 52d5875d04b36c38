//! Base scores out of CVSS vectors: version 2 (guide, 3.2.1) and 3.0 and 3.1 (specification, 7.1 and Appendix A). Version 4's
//! score comes out of a table and is not computed.

/// The base score of a vector, from 0 to 10; `None` when it is no vector of these versions.
#[must_use]
pub fn base_score(vector: &str) -> Option<f64> {
    let vector = vector.trim();
    if let Some(metrics) = vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/")) {
        return version_3(metrics);
    }
    if vector.starts_with("CVSS:") {
        return None;
    }
    version_2(vector.trim_start_matches('(').trim_end_matches(')'))
}

fn metric<'a>(metrics: &'a str, name: &str) -> Option<&'a str> {
    metrics
        .split('/')
        .find_map(|metric| metric.split_once(':').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn weight(value: &str, weights: &[(&str, f64)]) -> Option<f64> {
    weights.iter().find(|(name, _)| *name == value).map(|(_, weight)| *weight)
}

fn version_3(metrics: &str) -> Option<f64> {
    let of = |name, weights: &[(&str, f64)]| weight(metric(metrics, name)?, weights);
    let changed = match metric(metrics, "S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let impacts = [("N", 0.0), ("L", 0.22), ("H", 0.56)];
    let privileges = if changed {
        [("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        [("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    let exploitability = 8.22
        * of("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * of("AC", &[("L", 0.77), ("H", 0.44)])?
        * of("PR", &privileges)?
        * of("UI", &[("N", 0.85), ("R", 0.62)])?;
    let lost = 1.0 - (1.0 - of("C", &impacts)?) * (1.0 - of("I", &impacts)?) * (1.0 - of("A", &impacts)?);
    let impact = if changed { 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02).powi(15) } else { 6.42 * lost };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let sum = if changed { 1.08 * (impact + exploitability) } else { impact + exploitability };
    Some(round_up(sum.min(10.0)))
}

/// To one decimal, upwards, as Appendix A has it: what differs by less than a hundred-thousandth is the same.
fn round_up(score: f64) -> f64 {
    let parts = (score * 100_000.0).round();
    if parts % 10_000.0 == 0.0 { parts / 100_000.0 } else { ((parts / 10_000.0).floor() + 1.0) / 10.0 }
}

fn version_2(metrics: &str) -> Option<f64> {
    let of = |name, weights: &[(&str, f64)]| weight(metric(metrics, name)?, weights);
    let impacts = [("N", 0.0), ("P", 0.275), ("C", 0.66)];
    let lost = 1.0 - (1.0 - of("C", &impacts)?) * (1.0 - of("I", &impacts)?) * (1.0 - of("A", &impacts)?);
    let impact = 10.41 * lost;
    let exploitability = 20.0
        * of("AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?
        * of("AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?
        * of("Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    Some(((0.6 * impact + 0.4 * exploitability - 1.5) * factor * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::base_score;

    /// Scores as the National Vulnerability Database publishes them.
    #[test]
    fn published_scores() {
        for (vector, score) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
            ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N", 5.9),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H/E:P", 9.9),
            ("AV:N/AC:L/Au:N/C:P/I:N/A:N", 5.0),
            ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 10.0),
            ("AV:N/AC:M/Au:N/C:N/I:N/A:N", 0.0),
        ] {
            assert_eq!(base_score(vector), Some(score), "{vector}");
        }
        for none in [
            "",
            "CVSS:3.1/AV:N",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
        ] {
            assert_eq!(base_score(none), None, "{none}");
        }
    }
}
