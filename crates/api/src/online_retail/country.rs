//! The country names of the file as ISO 3166-1 alpha-2 codes.

/// `Channel Islands` are two territories (Guernsey, Jersey); the larger one stands for both.
const CODES: [(&str, &str); 36] = [
    ("Australia", "AU"),
    ("Austria", "AT"),
    ("Bahrain", "BH"),
    ("Belgium", "BE"),
    ("Brazil", "BR"),
    ("Canada", "CA"),
    ("Channel Islands", "JE"),
    ("Cyprus", "CY"),
    ("Czech Republic", "CZ"),
    ("Denmark", "DK"),
    ("EIRE", "IE"),
    ("Finland", "FI"),
    ("France", "FR"),
    ("Germany", "DE"),
    ("Greece", "GR"),
    ("Hong Kong", "HK"),
    ("Iceland", "IS"),
    ("Israel", "IL"),
    ("Italy", "IT"),
    ("Japan", "JP"),
    ("Lebanon", "LB"),
    ("Lithuania", "LT"),
    ("Malta", "MT"),
    ("Netherlands", "NL"),
    ("Norway", "NO"),
    ("Poland", "PL"),
    ("Portugal", "PT"),
    ("RSA", "ZA"),
    ("Saudi Arabia", "SA"),
    ("Singapore", "SG"),
    ("Spain", "ES"),
    ("Sweden", "SE"),
    ("Switzerland", "CH"),
    ("USA", "US"),
    ("United Arab Emirates", "AE"),
    ("United Kingdom", "GB"),
];

/// `None` for what the file itself does not know (`Unspecified`, `European Community`), and for what stands in no list of ours.
pub fn alpha_2(name: &str) -> Option<&'static str> {
    CODES.binary_search_by_key(&name, |(known, _)| known).ok().map(|found| CODES[found].1)
}

#[cfg(test)]
mod tests {
    use super::{CODES, alpha_2};

    #[test]
    fn every_name_is_found() {
        assert!(CODES.is_sorted());
        for (name, code) in CODES {
            assert_eq!(alpha_2(name), Some(code));
            assert!(domain::country::Country::new(code).is_ok(), "{code}");
        }
    }

    #[test]
    fn a_country_that_is_none_has_no_code() {
        for name in ["Unspecified", "European Community", ""] {
            assert_eq!(alpha_2(name), None, "{name}");
        }
    }
}
