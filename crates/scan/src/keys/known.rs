//! Private keys that everybody has, because they are published as test material.

/// First eight bytes of the SHA-256 of a key's decoded bytes, sorted, and where it was published.
/// Computed by this scan from the published files.
#[rustfmt::skip]
const KNOWN: &[([u8; 8], &str)] = &[
    (0x0184_db1f_82d1_cba1_u64.to_be_bytes(), "the tests of CPython"),
    (0x04fd_c278_81ec_43f2_u64.to_be_bytes(), "the tests of CPython"),
    (0x0821_22d3_4a0c_10ff_u64.to_be_bytes(), "the tests of CPython"),
    (0x0981_36f5_9b60_cc0d_u64.to_be_bytes(), "the tests of CPython"),
    (0x0a5d_37ad_1b74_4b5a_u64.to_be_bytes(), "the tests of CPython"),
    (0x0e06_9795_4830_abae_u64.to_be_bytes(), "the tests of CPython"),
    (0x1093_f6ea_15cf_b2f9_u64.to_be_bytes(), "the tests of CPython"),
    (0x12ad_a421_f415_d492_u64.to_be_bytes(), "the tests of ureq"),
    (0x2463_9cdb_7b36_2df2_u64.to_be_bytes(), "the tests of CPython"),
    (0x2fbc_4d6f_7a32_2497_u64.to_be_bytes(), "the documentation of rcgen"),
    (0x3032_5068_603a_16a0_u64.to_be_bytes(), "the tests of CPython"),
    (0x34b5_7c7e_4b91_21ff_u64.to_be_bytes(), "the tests of CPython"),
    (0x4769_8284_e7e7_1daf_u64.to_be_bytes(), "the tests of CPython"),
    (0x492e_9dcc_8cad_be00_u64.to_be_bytes(), "moto, which imitates AWS for tests"),
    (0x4cf2_a44a_9f94_0b12_u64.to_be_bytes(), "the tests of CPython"),
    (0x4ff6_fb05_a3da_6ae5_u64.to_be_bytes(), "the tests of CPython"),
    (0x5344_d57f_719a_98c4_u64.to_be_bytes(), "the tests of ring"),
    (0x553c_d6cd_8ec2_4b01_u64.to_be_bytes(), "moto, which imitates AWS for tests"),
    (0x5d0b_7e7b_bb03_d7bf_u64.to_be_bytes(), "moto, which imitates AWS for tests"),
    (0x644d_50ab_6486_4c20_u64.to_be_bytes(), "RFC 8037"),
    (0x6769_51ec_40b9_8fb5_u64.to_be_bytes(), "the tests of CPython"),
    (0x6f12_0e9f_72fd_4537_u64.to_be_bytes(), "the tests of CPython"),
    (0x73f9_064b_8a4b_e3e0_u64.to_be_bytes(), "the tests of CPython"),
    (0x7839_55de_9487_6aad_u64.to_be_bytes(), "the tests of CPython"),
    (0x810b_2b7f_978c_d2df_u64.to_be_bytes(), "the tests of CPython"),
    (0x83d4_d09f_6eb6_0626_u64.to_be_bytes(), "the tests of CPython"),
    (0x8547_eb98_3f31_a400_u64.to_be_bytes(), "the tests of CPython"),
    (0x85f1_1ff5_a510_7ed9_u64.to_be_bytes(), "the tests of CPython"),
    (0x8a52_17b1_81c3_0962_u64.to_be_bytes(), "the tests of ring"),
    (0x8ffe_f375_b96e_9528_u64.to_be_bytes(), "the tests of CPython"),
    (0x9fb1_ee4f_6142_79a7_u64.to_be_bytes(), "the tests of CPython"),
    (0xa0d9_5a0b_133b_4c21_u64.to_be_bytes(), "the tests of ring"),
    (0xa70f_2430_4eba_8198_u64.to_be_bytes(), "the tests of CPython"),
    (0xaa93_7c27_0bfe_feac_u64.to_be_bytes(), "the tests of CPython"),
    (0xaaa2_0ba8_4e1b_afab_u64.to_be_bytes(), "the tests of CPython"),
    (0xb1b1_128f_9f90_f60c_u64.to_be_bytes(), "the documentation of the crate pem"),
    (0xbed0_ab27_bb11_479e_u64.to_be_bytes(), "the tests of CPython"),
    (0xcf1d_b3df_6031_3e91_u64.to_be_bytes(), "the tests of CPython"),
    (0xd56f_9999_4233_d749_u64.to_be_bytes(), "the tests of ring"),
    (0xd571_cb8b_3c8c_569f_u64.to_be_bytes(), "the tests of CPython"),
    (0xe102_64e3_8e69_d0ae_u64.to_be_bytes(), "the tests of CPython"),
    (0xf022_ad7b_7945_5ba6_u64.to_be_bytes(), "the tests of CPython"),
    (0xf139_e02d_7543_073f_u64.to_be_bytes(), "the tests of CPython"),
    (0xfb7f_6509_e3ab_7681_u64.to_be_bytes(), "the tests of CPython"),
];

/// Where a key with this fingerprint was published.
pub(super) fn source(fingerprint: &[u8; 8]) -> Option<&'static str> {
    let at = KNOWN.binary_search_by(|(known, _)| known.cmp(fingerprint)).ok()?;
    KNOWN.get(at).map(|(_, source)| *source)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_of_a_standard_is_known_and_another_is_not() {
        let jwk = |private: &str| {
            format!(
                r#"{{"kty":"OKP","crv":"Ed25519","d":"{private}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
            )
        };
        let published = |text: String| super::super::find(text.as_bytes()).first().map(|key| key.published);
        let of_rfc_8037 = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
        assert_eq!(published(jwk(of_rfc_8037)), Some(Some("RFC 8037")));
        assert_eq!(published(jwk(&of_rfc_8037.replace('n', "m"))), Some(None));
    }

    #[test]
    fn sorted_for_the_search() {
        assert!(super::KNOWN.is_sorted());
    }
}
