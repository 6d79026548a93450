//! The table of routes and who may use them. A route without its row cannot be registered (`router.rs`),
//! and the edge lets nobody past whom the row does not name.

use axum::http::Method;

use crate::auth::{Role, Roles};

/// What a role may touch through a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What belongs to the caller: the handler asks [`Caller::may_touch`](crate::auth::Caller::may_touch).
    Own,
    Any,
}

/// One cell of the table.
pub type Cell = Option<Scope>;

pub const NO: Cell = None;
pub const OWN: Cell = Some(Scope::Own);
pub const ANY: Cell = Some(Scope::Any);

/// One route: its method and path as the handler's `#[utoipa::path]` states them, and who may.
#[derive(Debug)]
pub struct Row {
    pub method: Method,
    pub path: &'static str,
    /// What a 403 names.
    pub permission: &'static str,
    pub access: Access,
    /// `Idempotency-Key` is required, not merely allowed.
    pub key_required: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// No token needed. One that is sent is verified all the same.
    Public,
    /// In the order of [`Role::ALL`]: customer, staff, auditor, admin, service.
    Roles([Cell; Role::ALL.len()]),
}

impl Row {
    pub const fn public(method: Method, path: &'static str) -> Self {
        Self { method, path, permission: "", access: Access::Public, key_required: false }
    }

    pub const fn new(
        method: Method,
        path: &'static str,
        permission: &'static str,
        cells: [Cell; Role::ALL.len()],
    ) -> Self {
        Self { method, path, permission, access: Access::Roles(cells), key_required: false }
    }

    #[must_use]
    pub const fn with_key_required(mut self) -> Self {
        self.key_required = true;
        self
    }

    /// The most that any of the roles may; `None` where none of them may.
    pub fn scope_for(&self, roles: Roles) -> Cell {
        match self.access {
            // Open to anyone; those who run the shop see more of it there.
            Access::Public => {
                Some(if roles.iter().any(|role| role != Role::Customer) { Scope::Any } else { Scope::Own })
            }
            Access::Roles(cells) => roles.iter().filter_map(|role| cells[role as usize]).max(),
        }
    }

    pub fn is_public(&self) -> bool {
        matches!(self.access, Access::Public)
    }
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// Every route of the API.
///
/// | cell | |
/// |---|---|
/// | `NO` | 403 |
/// | `OWN` | only what belongs to the caller, 404 for the rest |
/// | `ANY` | everything |
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    Row::public(GET, "/health/live"),
    Row::public(GET, "/health/ready"),
    Row::public(GET, "/health/startup"),
    Row::public(GET, "/openapi.json"),
    Row::public(GET, "/docs"),
    Row::public(GET, "/docs/{asset}"),
    Row::public(GET, "/docs/problems"),
    Row::public(GET, "/docs/problems/{code}"),
    Row::public(POST, "/v1/guests"),
    // Whoever sends one proves by its signature who it is.
    Row::public(POST, "/v1/webhooks/{provider}"),
    //                                      permission           customer staff auditor admin service
    Row::new(POST, "/v1/products", "products:write",                      [NO, ANY, NO, ANY, NO]),
    Row::new(PATCH, "/v1/products/{sku}", "products:write",               [NO, ANY, NO, ANY, NO]),
    Row::new(PUT, "/v1/products/{sku}/price", "products:write",           [NO, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/products/{sku}/publication", "products:write",    [NO, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/products/{sku}/archival", "products:write",       [NO, ANY, NO, ANY, NO]),
    Row::public(GET, "/v1/products"),
    Row::public(GET, "/v1/products/{sku}"),
    Row::new(POST, "/v1/inventory/{sku}/receipts", "inventory:write",     [NO, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/inventory/{sku}/adjustments", "inventory:write",  [NO, ANY, NO, ANY, ANY]),
    Row::new(GET, "/v1/inventory/{sku}", "inventory:read",                [NO, ANY, ANY, ANY, ANY]),
    Row::new(POST, "/v1/carts", "carts:write",                            [OWN, ANY, NO, ANY, ANY]),
    Row::new(GET, "/v1/carts/{id}", "carts:read",                         [OWN, ANY, NO, ANY, ANY]),
    Row::new(DELETE, "/v1/carts/{id}", "carts:write",                     [OWN, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/carts/{id}/items", "carts:write",                 [OWN, ANY, NO, ANY, ANY]),
    Row::new(PUT, "/v1/carts/{id}/items/{sku}", "carts:write",            [OWN, ANY, NO, ANY, ANY]),
    Row::new(DELETE, "/v1/carts/{id}/items/{sku}", "carts:write",         [OWN, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/carts/{id}/repricing", "carts:write",             [OWN, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/carts/{id}/merge", "carts:write",                 [OWN, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/carts/{id}/checkout", "carts:checkout",           [OWN, ANY, NO, ANY, ANY]).with_key_required(),
    Row::new(GET, "/v1/orders", "orders:read",                            [OWN, ANY, ANY, ANY, ANY]),
    Row::new(GET, "/v1/orders/{id}", "orders:read",                       [OWN, ANY, ANY, ANY, ANY]),
    Row::new(POST, "/v1/orders/{id}/cancellation", "orders:cancel",       [OWN, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/orders/{id}/shipments", "orders:ship",            [NO, ANY, NO, ANY, ANY]).with_key_required(),
    Row::new(POST, "/v1/orders/{id}/shipments/{shipment}/delivery", "orders:ship", [NO, ANY, NO, ANY, ANY]),
    Row::new(GET, "/v1/reports/sales", "reports:read",                    [NO, ANY, ANY, ANY, NO]),
    Row::new(POST, "/v1/orders/{id}/payments", "orders:pay",              [OWN, ANY, NO, ANY, ANY]).with_key_required(),
    Row::new(POST, "/v1/orders/{id}/hold", "orders:hold",                 [NO, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/orders/{id}/release", "orders:hold",              [NO, ANY, NO, ANY, ANY]),
    Row::new(GET, "/v1/payments/{id}", "payments:read",                   [OWN, ANY, ANY, ANY, NO]),
    Row::new(POST, "/v1/payments/{id}/captures", "payments:write",        [NO, ANY, NO, ANY, NO]).with_key_required(),
    Row::new(POST, "/v1/payments/{id}/refunds", "payments:write",         [NO, ANY, NO, ANY, NO]).with_key_required(),
    Row::new(POST, "/v1/orders/{id}/refunds", "orders:refund",            [NO, ANY, NO, ANY, NO]).with_key_required(),
    Row::new(POST, "/v1/orders/{id}/returns", "orders:return",            [OWN, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/orders/{id}/returns/{return}/approval", "returns:decide", [NO, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/orders/{id}/returns/{return}/rejection", "returns:decide", [NO, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/orders/{id}/returns/{return}/receipt", "returns:receive", [NO, ANY, NO, ANY, ANY]),
    Row::new(PUT, "/v1/orders/{id}/shipping-address", "orders:address",   [OWN, ANY, NO, ANY, NO]),
    Row::new(POST, "/v1/payments/{id}/void", "payments:write",            [NO, ANY, NO, ANY, NO]).with_key_required(),
    Row::new(POST, "/v1/inventory/{sku}/transfers", "inventory:write",    [NO, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/inventory/{sku}/set-aside", "inventory:write",    [NO, ANY, NO, ANY, ANY]),
    Row::new(POST, "/v1/inventory/{sku}/put-back", "inventory:write",     [NO, ANY, NO, ANY, ANY]),
    Row::new(PUT, "/v1/inventory/{sku}/policy", "inventory:write",        [NO, ANY, NO, ANY, ANY]),
];

#[cfg(test)]
mod tests {
    use super::*;

    static ROW: Row = Row::new(GET, "/v1/orders/{id}", "orders:read", [OWN, ANY, NO, ANY, NO]);

    #[test]
    fn of_several_roles_the_one_that_may_most_counts() {
        assert_eq!(ROW.scope_for([Role::Customer].into_iter().collect()), OWN);
        assert_eq!(ROW.scope_for([Role::Customer, Role::Staff].into_iter().collect()), ANY);
        assert_eq!(ROW.scope_for([Role::Customer, Role::Auditor].into_iter().collect()), OWN);
        assert_eq!(ROW.scope_for([Role::Auditor, Role::Service].into_iter().collect()), NO);
        assert_eq!(ROW.scope_for(Roles::default()), NO);
    }

    #[test]
    fn no_route_has_two_rows() {
        for (index, row) in TABLE.iter().enumerate() {
            let twin = TABLE[..index].iter().find(|other| other.path == row.path && other.method == row.method);
            assert!(twin.is_none(), "{} {}", row.method, row.path);
        }
    }
}
