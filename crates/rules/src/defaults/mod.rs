//! The rules that come with the product.

use crate::SourceFile;

/// The default rule files, in the order in which they are loaded.
#[must_use]
pub fn default_rules() -> Vec<SourceFile> {
    [
        ("fargard_rules.yaml", include_str!("../../../../rules/fargard_rules.yaml")),
        ("fargard_rules_correlated.yaml", include_str!("../../../../rules/fargard_rules_correlated.yaml")),
        ("fargard_rules_read.yaml", include_str!("../../../../rules/fargard_rules_read.yaml")),
        ("fargard_rules_dns.yaml", include_str!("../../../../rules/fargard_rules_dns.yaml")),
    ]
    .map(|(name, text)| SourceFile { name: name.to_owned(), text: text.to_owned() })
    .into()
}

#[cfg(test)]
mod tests;
