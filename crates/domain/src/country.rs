//! The countries of ISO 3166-1, by their two letters.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::ParseText;

/// Every officially assigned code, sorted.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC \
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD \
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW \
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC \
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY \
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country is one of the two-letter codes of ISO 3166-1, in capitals")]
pub struct UnknownCountry;

impl UnknownCountry {
    pub fn code(&self) -> &'static str {
        "unknown_country"
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

impl Country {
    pub fn new(code: &str) -> Result<Self, UnknownCountry> {
        Self::all().find(|country| country.0 == code).ok_or(UnknownCountry)
    }

    pub fn all() -> impl Iterator<Item = Self> {
        COUNTRIES.split(' ').map(Self)
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(code: &str) -> Result<Self, UnknownCountry> {
        Self::new(code)
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ParseText(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_249_assigned_codes_are_countries_and_nothing_else_is() {
        let codes: Vec<&str> = Country::all().map(Country::as_str).collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted());
        assert!(codes.iter().all(|code| code.len() == 2));
        assert_eq!("GB".parse::<Country>().unwrap().to_string(), "GB");
        for bad in ["", "gb", "UK", "XX", "GBR", "G", " "] {
            assert_eq!(Country::new(bad), Err(UnknownCountry), "{bad}");
        }
        assert_eq!(UnknownCountry.code(), "unknown_country");
    }

    #[test]
    fn a_country_is_written_as_its_code() {
        let country = Country::new("DE").unwrap();
        assert_eq!(serde_json::to_string(&country).unwrap(), r#""DE""#);
        assert_eq!(serde_json::from_str::<Country>(r#""DE""#).unwrap(), country);
        assert!(serde_json::from_str::<Country>(r#""de""#).is_err());
        assert_eq!(format!("{country:?}"), "DE");
    }
}
