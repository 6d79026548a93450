//! Path and query as typed values.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::deserialize::{Text, Texts};
use super::fault::{Fault, Segment};
use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};

/// More than any route has; bounds the comparison of each name with each other.
const QUERY_PARAMETERS_MAX: usize = 64;

/// The parameters of the path: one typed value, a tuple in their order, or a struct by their names.
///
/// What cannot be read is 400 and names the parameter.
#[derive(Debug, Clone)]
pub struct PathParam<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for PathParam<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(Code::InvalidParameter).detail("The path is not UTF-8."))?;
        let mut params = params.iter().map(|(name, text)| (name, Cow::Borrowed(text)));
        let read = match (params.next(), params.next()) {
            (Some((name, text)), None) => {
                named(name, text).and_then(|(name, text)| T::deserialize(text).map_err(|fault| fault.inside(name)))
            }
            (first, second) => first
                .into_iter()
                .chain(second)
                .chain(params)
                .map(|(name, text)| named(name, text).map(|(_, text)| (Cow::Borrowed(name), text)))
                .collect::<Result<Vec<_>, _>>()
                .and_then(|texts| T::deserialize(Texts(texts))),
        };
        read.map(Self).map_err(Fault::in_path)
    }
}

/// The parameters of the query. One that the type has no field for, or that is given twice, is refused.
#[derive(Debug, Clone)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if query.split('&').count() > QUERY_PARAMETERS_MAX {
            return Err(Problem::new(Code::InvalidParameter).detail("The query has too many parameters."));
        }
        let mut texts = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| undecodable(name))?;
            let text = decode(text).ok_or_else(|| undecodable(&name))?;
            let (_, text) = named(&name, text).map_err(Fault::in_query)?;
            texts.push((name, text));
        }
        T::deserialize(Texts(texts)).map(Self).map_err(Fault::in_query)
    }
}

/// The text with the place it stands in, unless it holds what Postgres cannot store.
fn named<'t>(name: &str, text: Cow<'t, str>) -> Result<(Segment, Text<'t>), Fault> {
    let segment = Segment::Key(name.to_owned());
    if text.contains('\0') {
        return Err(Fault::new(FieldCode::NulCharacter, "holds the character U+0000").inside(segment));
    }
    Ok((segment, Text(text)))
}

/// `application/x-www-form-urlencoded`, strictly: what is not UTF-8 is no text.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()))
}

fn undecodable(name: &str) -> Problem {
    let place = Place::Parameter(name.to_owned());
    Problem::new(Code::InvalidParameter).at(place, FieldCode::Malformed, "is not UTF-8")
}
