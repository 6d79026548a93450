//! Who is calling, and what that one may do. Knows tokens, keys, roles and the table of routes; knows no use case.

pub mod access;
pub mod keys;
pub mod signing;
pub mod token;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::auth::access::Scope;
use crate::problem::Problem;
use crate::problems::Code;
use crate::request::RequestContext;

/// What a token may make of its bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Customer,
    Staff,
    Auditor,
    Admin,
    Service,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Customer, Self::Staff, Self::Auditor, Self::Admin, Self::Service];

    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {0:?}; the roles are customer, staff, auditor, admin and service")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// The roles of one token. A role that this program does not know grants nothing and is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    pub fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | (1 << role as u8)))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Whom a verified token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub subject: Uuid,
    pub roles: Roles,
    /// A visitor without an account, holding a token from `POST /v1/guests`.
    pub guest: bool,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// The authenticated caller of this request, with what its row in the table of routes lets it touch.
///
/// As an extractor it refuses an anonymous request; `Option<Caller>` is for the routes open to anyone.
#[derive(Debug, Clone)]
pub struct Caller {
    principal: Arc<Principal>,
    scope: Scope,
}

impl Caller {
    pub(crate) fn new(principal: Arc<Principal>, scope: Scope) -> Self {
        Self { principal, scope }
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn subject(&self) -> Uuid {
        self.principal.subject
    }

    pub fn is_guest(&self) -> bool {
        self.principal.guest
    }

    pub fn has_role(&self, role: Role) -> bool {
        self.principal.roles.contains(role)
    }

    /// Whose things this caller may see on this route: `Some(subject)` for one who sees only their own, `None` for one
    /// who sees all. Every list and every single read takes it as its filter.
    pub fn only_own(&self) -> Option<Uuid> {
        match self.scope {
            Scope::Own => Some(self.principal.subject),
            Scope::Any => None,
        }
    }

    /// 404 for what belongs to another customer, or to nobody who is known: its existence is nobody else's business.
    pub fn may_touch(&self, owner: impl Into<Option<Uuid>>) -> Result<(), Problem> {
        match self.only_own() {
            Some(subject) if owner.into() != Some(subject) => Err(Problem::new(Code::NotFound)),
            _ => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        RequestContext::of(parts)?.caller.clone().ok_or_else(|| Problem::new(Code::TokenRequired))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        Ok(RequestContext::of(parts)?.caller.clone())
    }
}
