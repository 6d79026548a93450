//! Every route in one place, each with its row in the [table](crate::auth::access::TABLE) of who may, and the OpenAPI document
//! that follows from them.
//!
//! To add a route: write the handler with its `#[utoipa::path]` in `routes/<noun>.rs`, give it a row in `auth/access.rs`, and
//! name it in [`build`]. Its common headers, problems and permission are documented by themselves.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::Method;
use domain::money::Currency;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::access::{Row, TABLE};
use crate::auth::keys::KeyRing;
use crate::auth::token::Authenticator;
use crate::edge::{Edge, Guarded};
use crate::health::Health;
use crate::metrics::RouteMetrics;
use crate::node::Shop;
use crate::problem::Problem;
use crate::problems::Code;
use crate::routes::{
    addresses, carts, guests, inventory, orders, payments, products, refunds, reports, returns, webhooks,
};
use crate::{docs, health, openapi};

/// The whole router of the API. Panics, at start and in every test, if a route has no row or a row no route.
pub fn build(app: App) -> Router {
    let routes = Routes::new(TABLE, Arc::clone(&app.auth))
        .add(routes!(health::live))
        .add(routes!(health::ready))
        .add(routes!(health::startup))
        .add(routes!(docs::openapi))
        .add(routes!(docs::reference))
        .add(routes!(docs::asset))
        .add(routes!(docs::problems))
        .add(routes!(docs::problem))
        .add(routes!(guests::create_guest))
        .add(routes!(products::list_products, products::create_product))
        .add(routes!(products::read_product, products::update_product))
        .add(routes!(products::change_price))
        .add(routes!(products::publish_product))
        .add(routes!(products::archive_product))
        .add(routes!(inventory::read_stock))
        .add(routes!(inventory::receive))
        .add(routes!(inventory::adjust))
        .add(routes!(inventory::transfer))
        .add(routes!(inventory::set_aside))
        .add(routes!(inventory::put_back))
        .add(routes!(inventory::change_policy))
        .add(routes!(carts::open_cart))
        .add(routes!(carts::read_cart, carts::discard_cart))
        .add(routes!(carts::add_item))
        .add(routes!(carts::change_quantity, carts::remove_item))
        .add(routes!(carts::reprice_cart))
        .add(routes!(carts::merge_carts))
        .add(routes!(carts::check_out))
        .add(routes!(orders::list_orders))
        .add(routes!(orders::read_order))
        .add(routes!(orders::cancel))
        .add(routes!(orders::ship))
        .add(routes!(orders::deliver))
        .add(routes!(orders::hold))
        .add(routes!(orders::release))
        .add(routes!(payments::retry))
        .add(routes!(payments::read_payment))
        .add(routes!(payments::capture))
        .add(routes!(payments::refund))
        .add(routes!(refunds::refund_order))
        .add(routes!(returns::request_return))
        .add(routes!(returns::approve_return))
        .add(routes!(returns::reject_return))
        .add(routes!(returns::receive_return))
        .add(routes!(addresses::correct_address))
        .add(routes!(reports::report_sales))
        .add(routes!(webhooks::receive_webhook))
        .add(routes!(payments::void));
    routes.finish(app)
}

/// Collects routes. The only way to mount a handler, and there is none around the [edge](crate::edge).
pub(crate) struct Routes {
    router: OpenApiRouter<App>,
    auth: Arc<Authenticator>,
    table: &'static [Row],
    rows_used: Vec<&'static Row>,
    paths: Vec<String>,
}

impl Routes {
    pub(crate) fn new(table: &'static [Row], auth: Arc<Authenticator>) -> Self {
        let router = OpenApiRouter::with_openapi(openapi::base());
        Self { router, auth, table, rows_used: Vec::new(), paths: Vec::new() }
    }

    /// Mounts the handlers of one path: `add(routes!(carts::read, carts::discard))`. What each says in `#[utoipa::path]` must
    /// have its row in the table.
    #[track_caller]
    pub(crate) fn add(mut self, (schemas, mut paths, methods): UtoipaMethodRouter<App>) -> Self {
        assert_eq!(paths.paths.len(), 1, "routes!(…) takes the handlers of one path, all of them");
        let (path, item) = paths.paths.iter_mut().next().expect("there is one");
        assert!(!self.paths.contains(path), "{path}: list all methods of a path in one routes!(…)");
        let mut guarded = Vec::new();
        for (method, operation) in operations(item) {
            let row = self.row(&method, path);
            guarded.push(Guarded { row, produces: produces(operation), metrics: RouteMetrics::new(&method, row.path) });
            openapi::complete(operation, row);
            self.rows_used.push(row);
        }
        self.paths.push(path.clone());
        // The fallback stands inside the layer, so that a 405 is a problem too.
        let methods = methods.fallback(method_not_allowed).layer(Edge::new(Arc::clone(&self.auth), guarded));
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    #[track_caller]
    fn row(&self, method: &Method, path: &str) -> &'static Row {
        let found = self.table.iter().find(|row| row.method == *method && row.path == path);
        found.unwrap_or_else(|| panic!("{method} {path} has no row in the table of who may (auth/access.rs)"))
    }

    pub(crate) fn finish(self, app: App) -> Router {
        for row in self.table {
            let is_used = self.rows_used.iter().any(|used| std::ptr::eq(*used, row));
            assert!(is_used, "{} {} stands in the table of who may and has no route", row.method, row.path);
        }
        let (router, document) = self.router.split_for_parts();
        let json = document.to_json().expect("an OpenAPI document is plain JSON");
        app.openapi.get_or_init(|| Bytes::from(json));
        let unmatched = Edge::new(Arc::clone(&self.auth), Vec::new());
        let fallback = Router::new().fallback(route_not_found).layer(unmatched);
        router.fallback_service(fallback).with_state(app)
    }
}

async fn route_not_found() -> Problem {
    Problem::new(Code::RouteNotFound)
}

/// axum adds the `Allow` header outside the layers.
async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The media types that an operation documents for its successes.
fn produces(operation: &Operation) -> Vec<String> {
    let successes = operation.responses.responses.iter().filter(|(status, _)| status.starts_with('2'));
    let mut produces = Vec::new();
    for (_, response) in successes {
        if let RefOr::T(response) = response {
            produces.extend(response.content.keys().cloned());
        }
    }
    produces.dedup();
    produces
}

/// The document alone, for `schemas/openapi.json`: made by the routes, with nobody behind them.
pub fn document() -> Value {
    let auth = Arc::new(Authenticator::new(KeyRing::default(), None));
    let app = App::new(auth, Health::default(), CancellationToken::new(), Shop::closed(), Currency::GBP);
    let _router = build(app.clone());
    let json = app.openapi.get().expect("built with the router");
    serde_json::from_slice(json).expect("an OpenAPI document is plain JSON")
}
