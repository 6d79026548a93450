//! JSON read strictly into a tree that borrows from the body: no key twice, no U+0000, no deep nesting.
//!
//! A tree rather than a direct read into the type, because only so can keys given twice be seen inside free-form objects, and
//! arrays be told from objects; for the size of a command it costs less than a microsecond.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::fault::{Fault, Segment};
use crate::problem::Problem;
use crate::problems::{Code, FieldCode};

/// Arrays and objects inside each other.
const DEPTH_MAX: usize = 64;

/// Up to here comparing every pair of keys is cheaper than hashing them.
const KEYS_COMPARED_MAX: usize = 16;

#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

pub(super) fn parse(body: &[u8]) -> Result<Node<'_>, Problem> {
    let refusal = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let node = NodeSeed { depth: 0, refusal: &refusal }
        .deserialize(&mut deserializer)
        .and_then(|node| deserializer.end().map(|()| node));
    node.map_err(|error| match refusal.into_inner() {
        Some(Refusal::TooDeep) => Problem::new(Code::JsonTooDeep),
        Some(Refusal::Fault(fault)) => fault.in_body(),
        None => malformed(&error),
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    let problem = Problem::new(Code::MalformedJson);
    match error.classify() {
        Category::Eof if error.column() == 0 => problem.detail("The body is empty."),
        Category::Eof => problem.detail("The body ends in the middle of a value."),
        _ => problem.detail(format!("Syntax error at line {}, column {}.", error.line(), error.column())),
    }
}

/// Our own reason to stop, carried past serde_json, whose error can only hold text.
enum Refusal {
    TooDeep,
    Fault(Fault),
}

#[derive(Clone, Copy)]
struct NodeSeed<'r> {
    depth: usize,
    refusal: &'r RefCell<Option<Refusal>>,
}

impl NodeSeed<'_> {
    fn refuse<E: serde::de::Error>(self, refusal: Refusal) -> E {
        *self.refusal.borrow_mut() = Some(refusal);
        E::custom("refused")
    }

    /// One level further in, if there is one left.
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth {
            DEPTH_MAX => Err(self.refuse(Refusal::TooDeep)),
            depth => Ok(Self { depth: depth + 1, ..self }),
        }
    }

    /// On the way out of a fault, notes where it happened. Of a syntax error line and column tell.
    fn note(self, segment: impl FnOnce() -> Segment) {
        let mut refusal = self.refusal.borrow_mut();
        *refusal = match refusal.take() {
            Some(Refusal::Fault(fault)) => Some(Refusal::Fault(fault.inside(segment()))),
            other => other,
        };
    }

    fn text<'de, E: serde::de::Error>(self, text: Cow<'de, str>) -> Result<Cow<'de, str>, E> {
        if text.contains('\0') {
            return Err(self.refuse(Refusal::Fault(Fault::new(FieldCode::NulCharacter, "holds the character U+0000"))));
        }
        Ok(text)
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Float(value))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        self.text(Cow::Borrowed(text)).map(Node::Text)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node<'de>, E> {
        self.text(Cow::Owned(text.to_owned())).map(Node::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        loop {
            match elements.next_element_seed(seed) {
                Ok(Some(node)) => list.push(node),
                Ok(None) => return Ok(Node::List(list)),
                Err(error) => {
                    self.note(|| Segment::Index(list.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(KeySeed(seed))? {
            match entries.next_value_seed(seed) {
                Ok(node) => map.push((key, node)),
                Err(error) => {
                    self.note(|| Segment::Key(key.into_owned()));
                    return Err(error);
                }
            }
        }
        if let Some(key) = twice(&map) {
            let fault = Fault::new(FieldCode::DuplicateField, "is given more than once");
            return Err(self.refuse(Refusal::Fault(fault.inside(Segment::Key(key.to_owned())))));
        }
        Ok(Node::Map(map))
    }
}

fn twice<'m>(map: &'m [(Cow<'_, str>, Node<'_>)]) -> Option<&'m str> {
    if map.len() <= KEYS_COMPARED_MAX {
        let again = |index: &usize| map[..*index].iter().any(|(key, _)| *key == map[*index].0);
        return (1..map.len()).find(again).map(|index| map[index].0.as_ref());
    }
    let mut seen = HashSet::with_capacity(map.len());
    map.iter().map(|(key, _)| key.as_ref()).find(|key| !seen.insert(*key))
}

struct KeySeed<'r>(NodeSeed<'r>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        match deserializer.deserialize_str(self.0)? {
            Node::Text(text) => Ok(text),
            _ => Err(D::Error::custom("a key is a string")),
        }
    }
}
