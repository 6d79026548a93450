//! Where the API listens: parsed once from `--url`.

use std::fmt;
use std::str::FromStr;

/// `http://HOST:PORT`: the load has no use for TLS, a path or a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As it stands in a `Host` header.
    authority: Box<str>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form http://HOST:PORT")]
pub struct EndpointError;

impl Endpoint {
    /// `HOST:PORT`, with brackets around an IPv6 address: what a socket connects to, too.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let rest = text.strip_prefix("http://").ok_or(EndpointError)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let uri: hyper::http::uri::Authority = authority.parse().map_err(|_| EndpointError)?;
        if uri.port_u16().is_none() || uri.host().is_empty() || authority.contains('@') {
            return Err(EndpointError);
        }
        Ok(Self { authority: authority.into() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointError};

    #[test]
    fn a_plain_address_is_taken() {
        for (text, authority) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://localhost:8080/", "localhost:8080"),
            ("http://[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().authority(), authority);
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for text in [
            "",
            "127.0.0.1:8080",
            "https://h:1",
            "http://h",
            "http://:1",
            "http://h:1/v1",
            "http://u@h:1",
            "http://h:99999",
            "http://h:1?x",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(EndpointError), "{text:?}");
        }
    }
}
