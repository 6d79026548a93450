//! What things are called: keys, ids, quantities and names, each parsed once at the edge.
//!
//! Past these constructors no raw string or integer remains. Knows no aggregate.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The namespace of every id that has a natural key. Changing it would orphan every product and all stock.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x0199_35c1_2fd0_7b3e_9d52_6a1f_d45b_00c4);

/// Of a SKU and of a location: wide enough for any code in use, short enough for every index.
pub const KEY_CHARS_MAX: usize = 64;

/// Units in one line or one movement of stock: the largest line of a real year of sales has 80,995.
pub const QUANTITY_MAX: i64 = 100_000;

/// Text that is not the name of what it stands for. Each variant says what would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a SKU is 1 to {KEY_CHARS_MAX} of A-Z a-z 0-9 . _ -")]
    Sku,
    #[error("a location is 1 to {KEY_CHARS_MAX} of A-Z a-z 0-9 . _ -")]
    Location,
    #[error("a quantity is 1 to {QUANTITY_MAX}, not {found}")]
    Quantity { found: i64 },
    #[error("the text must have 1 to {chars_max} characters, none of them a control character")]
    Text { chars_max: usize },
    #[error("an id is a UUID")]
    Id,
    #[error("an order number is 12 characters of Crockford's base32")]
    OrderNumber,
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sku => "invalid_sku",
            Self::Location => "invalid_location",
            Self::Quantity { .. } => "quantity_out_of_range",
            Self::Text { .. } => "invalid_text",
            Self::Id => "invalid_id",
            Self::OrderNumber => "invalid_order_number",
        }
    }
}

/// Gives a type that is parsed from text, and shown as it, its conversions and its JSON form: a string.
macro_rules! written_as_text {
    ($(const $bound:ident;)? $name:ty) => {
        impl$(<const $bound: usize>)? FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl$(<const $bound: usize>)? Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de $(, const $bound: usize)?> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::ids::ParseText(std::marker::PhantomData))
            }
        }
    };
}

/// Reads a string without owning it, and parses it.
pub(crate) struct ParseText<T>(pub(crate) std::marker::PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> serde::de::Visitor<'_> for ParseText<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// What a product is called, everywhere. Case-sensitive: 110 real stock codes differ only by case.
///
/// Shared, so that copying a cart of 2,000 lines copies no text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(Arc<str>);

impl Sku {
    pub fn new(text: &str) -> Result<Self, Error> {
        is_key(text).then(|| Self(text.into())).ok_or(Error::Sku)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

written_as_text!(Sku);

/// Where stock lies. `main` unless named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(Arc<str>);

impl Location {
    pub fn new(text: &str) -> Result<Self, Error> {
        is_key(text).then(|| Self(text.into())).ok_or(Error::Location)
    }

    pub fn main() -> Self {
        Self("main".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

written_as_text!(Location);

fn is_key(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=KEY_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// The stream of the product with this SKU.
pub fn product_stream(sku: &Sku) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("product/{sku}").as_bytes())
}

/// The stream of the stock of this SKU at this location.
pub fn inventory_stream(sku: &Sku, location: &Location) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("inventory/{sku}/{location}").as_bytes())
}

/// The order that an earlier system called so: imported again, it is the same.
pub fn imported_order(source: &str, reference: &str) -> OrderId {
    OrderId(Uuid::new_v5(&NAMESPACE, format!("order/{source}/{reference}").as_bytes()))
}

/// The line at this place of an imported order.
pub fn imported_line(order_id: OrderId, place: usize) -> LineId {
    LineId(Uuid::new_v5(&order_id.0, place.to_string().as_bytes()))
}

/// A line of text of a bounded length: trimmed, not empty, free of NUL and other control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const CHARS_MAX: usize>(Arc<str>);

impl<const CHARS_MAX: usize> Text<CHARS_MAX> {
    pub fn new(text: &str) -> Result<Self, Error> {
        bounded(text, CHARS_MAX, char::is_control).map(|text| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const CHARS_MAX: usize> fmt::Display for Text<CHARS_MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

written_as_text!(const CHARS_MAX; Text<CHARS_MAX>);

/// As [`Text`], but of several lines: it may hold line feeds and tabs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prose<const CHARS_MAX: usize>(Arc<str>);

impl<const CHARS_MAX: usize> Prose<CHARS_MAX> {
    pub fn new(text: &str) -> Result<Self, Error> {
        let barred = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        bounded(text, CHARS_MAX, barred).map(|text| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const CHARS_MAX: usize> fmt::Display for Prose<CHARS_MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

written_as_text!(const CHARS_MAX; Prose<CHARS_MAX>);

fn bounded(text: &str, chars_max: usize, barred: impl Fn(char) -> bool) -> Result<&str, Error> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(barred) || text.chars().count() > chars_max {
        return Err(Error::Text { chars_max });
    }
    Ok(text)
}

/// Why a person or a process did something.
pub type Reason = Text<500>;

/// How many units, of a line or of one movement of stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Quantity(u32);

impl Quantity {
    pub const ONE: Self = Self(1);
    pub const MAX: Self = Self(QUANTITY_MAX as u32);

    pub fn new(units: i64) -> Result<Self, Error> {
        match u32::try_from(units) {
            Ok(checked) if (1..=QUANTITY_MAX).contains(&units) => Ok(Self(checked)),
            _ => Err(Error::Quantity { found: units }),
        }
    }

    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        Self::new(self.get() + other.get())
    }

    /// For folding facts that a decision has already checked.
    pub(crate) fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }
}

impl TryFrom<i64> for Quantity {
    type Error = Error;

    fn try_from(units: i64) -> Result<Self, Error> {
        Self::new(units)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

macro_rules! uuid_ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                text.parse().map(Self).map_err(|_| Error::Id)
            }
        }
    )+};
}

uuid_ids! {
    /// A cart, and its stream.
    CartId,
    /// An order, and its stream.
    OrderId,
    /// A payment, and its stream.
    PaymentId,
    /// A customer or a guest.
    CustomerId,
    /// One line of an order.
    LineId,
    /// One parcel of an order.
    ShipmentId,
    /// One request to capture, made by us: what makes a repeated request recognisable.
    CaptureId,
    /// One return of goods of an order.
    ReturnId,
    /// One decision to give money back: the same for an order's grant and for what its payments are asked for.
    RefundId,
}

impl CaptureId {
    /// What is captured because a parcel left: one capture a shipment, however often it is asked for.
    pub const fn of_shipment(shipment_id: ShipmentId) -> Self {
        Self(shipment_id.as_uuid())
    }
}

impl RefundId {
    /// The next refund of a payment that the rules demand and nobody names: made from how many it has had, so that a decision
    /// needs no randomness, and one that is repeated names another only once the first is there.
    pub fn next_of(payment_id: PaymentId, refunds: usize) -> Self {
        Self(Uuid::new_v5(&payment_id.as_uuid(), format!("refund/{refunds}").as_bytes()))
    }
}

/// What a customer calls their order: 60 bits of its id in Crockford's base32.
///
/// The lowest 60 bits of a UUIDv7 hold no time and at least 32 random bits, so that one number tells nothing of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber(u64);

impl OrderNumber {
    const BITS: u32 = 60;
    const CHARS: usize = 12;
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    pub fn of(order_id: OrderId) -> Self {
        let (_, low) = order_id.as_uuid().as_u64_pair();
        Self(low & ((1 << Self::BITS) - 1))
    }

    /// Reads what a person typed: in either case, with or without hyphens, `O` for `0`, `I` or `L` for `1`.
    pub fn new(text: &str) -> Result<Self, Error> {
        let mut letters = 0;
        let mut number = 0;
        for letter in text.bytes().filter(|letter| *letter != b'-') {
            let digit = match letter.to_ascii_uppercase() {
                b'O' => 0,
                b'I' | b'L' => 1,
                upper => Self::ALPHABET.iter().position(|digit| *digit == upper).ok_or(Error::OrderNumber)?,
            };
            letters += 1;
            if letters > Self::CHARS {
                return Err(Error::OrderNumber);
            }
            number = number << 5 | digit as u64;
        }
        if letters == Self::CHARS { Ok(Self(number)) } else { Err(Error::OrderNumber) }
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = (0..Self::CHARS as u32)
            .rev()
            .map(|place| char::from(Self::ALPHABET[(self.0 >> (5 * place) & 31) as usize]))
            .collect();
        formatter.pad(&text)
    }
}

written_as_text!(OrderNumber);

#[cfg(test)]
mod tests;
