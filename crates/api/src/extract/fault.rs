//! What goes wrong while a typed value is read: which rule, at which place. Made by serde's visitors, so that the code of an
//! error is known from the call that raised it and never guessed from its text.

use std::fmt::{self, Display, Write};

use serde::de::{self, Expected, Unexpected};

use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};

/// Where an integer in JSON stops being one for serde_json and becomes a float.
const INTEGER_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// One field that cannot be read. Boxed: it is rare, and the way of success should not carry its size.
#[derive(Debug)]
pub(super) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    /// From the innermost place outwards.
    path: Vec<Segment>,
    code: FieldCode,
    detail: String,
}

#[derive(Debug)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

impl Fault {
    pub(super) fn new(code: FieldCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts { path: Vec::new(), code, detail: detail.into() }))
    }

    /// The same fault, seen from one level further out.
    pub(super) fn inside(mut self, segment: Segment) -> Self {
        self.0.path.push(segment);
        self
    }

    pub(super) fn in_body(self) -> Problem {
        let code = if self.0.code.is_about_the_value() { Code::InvalidValue } else { Code::InvalidBody };
        let place = Place::Pointer(self.pointer());
        Problem::new(code).at(place, self.0.code, self.0.detail)
    }

    pub(super) fn in_query(self) -> Problem {
        let code = if self.0.code.is_about_the_value() { Code::InvalidValue } else { Code::InvalidParameter };
        self.in_parameter(code)
    }

    /// A path that cannot be read names nothing, whatever the reason; only U+0000 keeps its own answer.
    pub(super) fn in_path(self) -> Problem {
        let code = match self.0.code {
            FieldCode::NulCharacter => Code::InvalidValue,
            _ => Code::InvalidParameter,
        };
        self.in_parameter(code)
    }

    fn in_parameter(mut self, code: Code) -> Problem {
        let name = match self.0.path.pop() {
            Some(Segment::Key(name)) => name,
            _ => String::new(),
        };
        Problem::new(code).at(Place::Parameter(name), self.0.code, self.0.detail)
    }

    /// RFC 6901.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in self.0.path.iter().rev() {
            pointer.push('/');
            match segment {
                Segment::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Segment::Index(index) => write!(pointer, "{index}").expect("writing to a string cannot fail"),
            }
        }
        pointer
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer(), self.0.detail)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    /// The type read the value and did not like it: a rule of ours, told in its own words.
    fn custom<T: Display>(message: T) -> Self {
        Self::new(FieldCode::InvalidValue, message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match unexpected {
            Unexpected::Float(number) if number.fract() == 0.0 && number.abs() >= INTEGER_LIMIT => {
                Self::new(FieldCode::OutOfRange, "the number is out of range")
            }
            _ => Self::new(FieldCode::WrongType, format!("expected {}", in_json_words(&expected.to_string()))),
        }
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match unexpected {
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => {
                Self::new(FieldCode::OutOfRange, format!("{unexpected} is out of range"))
            }
            _ => Self::new(FieldCode::InvalidValue, format!("expected {}", in_json_words(&expected.to_string()))),
        }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(FieldCode::InvalidValue, format!("has {length} elements, expected {expected}"))
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FieldCode::InvalidValue, format!("expected one of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let known = match expected {
            [] => "none is taken here".to_owned(),
            names => format!("the known ones are {}", names.join(", ")),
        };
        Self::new(FieldCode::UnknownField, known).inside(Segment::Key(field.to_owned()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(FieldCode::MissingField, "is required").inside(Segment::Key(field.to_owned()))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(FieldCode::DuplicateField, "is given more than once").inside(Segment::Key(field.to_owned()))
    }
}

/// serde names Rust's types; the client knows JSON's.
fn in_json_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => {
            "an integer"
        }
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        "unit" => "null",
        text if text.starts_with("struct ") => "an object",
        text if text.starts_with("enum ") => "a string",
        text if text.starts_with("tuple ") => "an array",
        text => text,
    }
}
