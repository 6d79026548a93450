//! serde's way from what the client sent (a [`Node`] of JSON, or the [`Text`] of a parameter) to a typed value, with
//! [`Fault`] as its error. A struct is read from an object alone, and only with fields that it has.

use std::borrow::Cow;
use std::vec;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::fault::{Fault, Segment};
use super::json::Node;
use crate::problems::FieldCode;

impl Node<'_> {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Node::Null => Unexpected::Unit,
            Node::Bool(value) => Unexpected::Bool(*value),
            Node::Unsigned(value) => Unexpected::Unsigned(*value),
            Node::Signed(value) => Unexpected::Signed(*value),
            Node::Float(value) => Unexpected::Float(*value),
            Node::Text(text) => Unexpected::Str(text),
            Node::List(_) => Unexpected::Seq,
            Node::Map(_) => Unexpected::Map,
        }
    }
}

fn visit_text<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, Fault> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(value),
            Node::Unsigned(value) => visitor.visit_u64(value),
            Node::Signed(value) => visitor.visit_i64(value),
            Node::Float(value) => visitor.visit_f64(value),
            Node::Text(text) => visit_text(text, visitor),
            Node::List(nodes) => visitor.visit_seq(List { nodes: nodes.into_iter(), index: 0 }),
            Node::Map(entries) => visitor.visit_map(Map::new(entries)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Node::Null => visitor.visit_none(),
            node => visitor.visit_some(node),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Node::Map(entries) => visitor.visit_map(Map::of_fields(entries, fields)?),
            node => Err(Fault::invalid_type(node.unexpected(), &"an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Node::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Node::Map(entries) => match <[_; 1]>::try_from(entries) {
                Ok([(name, value)]) => visitor.visit_enum(Variant { name, value }),
                Err(_) => Err(Fault::new(FieldCode::WrongType, "expected an object with one field")),
            },
            node => Err(Fault::invalid_type(node.unexpected(), &"a string")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct List<D> {
    nodes: vec::IntoIter<D>,
    index: usize,
}

impl<'de, D: Deserializer<'de, Error = Fault>> SeqAccess<'de> for List<D> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.nodes.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(node).map(Some).map_err(|fault| fault.inside(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.nodes.len())
    }
}

struct Map<'de, D> {
    entries: vec::IntoIter<(Cow<'de, str>, D)>,
    value: Option<(Cow<'de, str>, D)>,
}

impl<'de, D: Deserializer<'de, Error = Fault>> Map<'de, D> {
    fn new(entries: Vec<(Cow<'de, str>, D)>) -> Self {
        Self { entries: entries.into_iter(), value: None }
    }

    /// For a struct: no entry may have a name that the struct has no field for.
    fn of_fields(entries: Vec<(Cow<'de, str>, D)>, fields: &'static [&'static str]) -> Result<Self, Fault> {
        match entries.iter().find(|(key, _)| !fields.contains(&key.as_ref())) {
            Some((key, _)) => Err(Fault::unknown_field(key, fields)),
            None => Ok(Self::new(entries)),
        }
    }
}

impl<'de, D: Deserializer<'de, Error = Fault>> MapAccess<'de> for Map<'de, D> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        // Keys are nearly always borrowed from the request, so this copies a pointer.
        self.value = Some((key.clone(), value));
        seed.deserialize(Text(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.value.take().expect("serde asks for a value only after its key");
        seed.deserialize(value).map_err(|fault| fault.inside(Segment::Key(key.into_owned())))
    }
}

struct Variant<'de> {
    name: Cow<'de, str>,
    value: Node<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Node<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Node<'de>), Fault> {
        seed.deserialize(Node::Text(self.name)).map(|variant| (variant, self.value))
    }
}

impl<'de> VariantAccess<'de> for Node<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Err(Fault::invalid_type(Unexpected::Map, &"a string"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_struct("", fields, visitor)
    }
}

/// The text of a parameter, read as whatever type is asked for.
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $number:ty),+) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.0.parse::<$number>() {
                Ok(number) => visitor.$visit(number),
                Err(_) if self.0.parse::<i128>().is_ok() => Err(Fault::new(FieldCode::OutOfRange, "is out of range")),
                Err(_) => Err(Fault::new(FieldCode::WrongType, "expected an integer")),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Fault;

    numbers! {
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visit_text(self.0, visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.as_ref() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Fault::new(FieldCode::WrongType, "expected true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// Several parameters: by name where a struct is asked for, in their order where a tuple is.
pub(super) struct Texts<'de>(pub(super) Vec<(Cow<'de, str>, Text<'de>)>);

impl<'de> Texts<'de> {
    fn name_given_twice(&self) -> Option<&str> {
        let again = |index: &usize| self.0[..*index].iter().any(|(name, _)| *name == self.0[*index].0);
        (1..self.0.len()).find(again).map(|index| self.0[index].0.as_ref())
    }
}

impl<'de> Deserializer<'de> for Texts<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(name) = self.name_given_twice() {
            return Err(
                Fault::new(FieldCode::DuplicateField, "is given more than once").inside(Segment::Key(name.to_owned()))
            );
        }
        visitor.visit_map(Map::new(self.0))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Map::of_fields(self.0, fields)?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(InOrder(self.0.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple_struct map enum identifier ignored_any
    }
}

struct InOrder<'de>(vec::IntoIter<(Cow<'de, str>, Text<'de>)>);

impl<'de> SeqAccess<'de> for InOrder<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((name, text)) = self.0.next() else { return Ok(None) };
        seed.deserialize(text).map(Some).map_err(|fault| fault.inside(Segment::Key(name.into_owned())))
    }
}
