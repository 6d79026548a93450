//! The stock of a SKU over all its locations: so that the answer to a command shows all of it, as a query does, and `If-Match`
//! means the same version to both.
//!
//! What a command touched is exact as of its position. The rest comes from the read model, which may be a moment behind.

use chrono::Utc;
use commands::command::{Answer, CommandError};
use commands::inventory::StockOutcome;
use commands::rejection::Rejection;
use commands::use_case::UseCase;
use commands::world::{Held, States};
use domain::ids::{Location, Sku, inventory_stream};
use domain::inventory::Inventory;
use eventstore::event::StreamId;
use projections::stock::{self, Place};

use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::idempotency::Idempotency;
use crate::problem::Problem;
use crate::problems::Code;
use crate::queries;
use crate::rejected::problem_of;
use crate::views::stock::{StockAtView, StockView};

/// A command to the stock of a SKU, with what its request says beside the use case.
#[derive(Debug)]
pub(crate) struct StockCommand<U> {
    pub(crate) sku: Sku,
    /// What the command touches, the location whose version is checked first.
    pub(crate) touched: Vec<Location>,
    pub(crate) use_case: U,
    pub(crate) if_match: IfMatch,
    pub(crate) idempotency: Option<Idempotency>,
}

/// The answer to a command, and the stock of the whole SKU after it.
#[derive(Debug)]
pub(crate) struct StockAnswer {
    pub(crate) answer: Answer<StockOutcome>,
    pub(crate) stock: StockView,
}

impl<U: UseCase<Outcome = StockOutcome>> StockCommand<U> {
    pub(crate) async fn run(self, app: &App, asker: &Asker) -> Result<StockAnswer, Problem> {
        let Self { sku, touched, use_case, if_match, idempotency } = self;
        let elsewhere = elsewhere(app, &sku, &touched).await;
        // Without a condition nothing is refused because a read model is away: the answer then shows what was touched.
        let elsewhere = if if_match.0.is_some() { elsewhere? } else { elsewhere.unwrap_or_default() };
        let others: i64 = elsewhere.iter().map(|place| place.version).sum();
        let first = touched.first().expect("a command to stock touches a location");
        // What the client saw is the sum of all versions, and none of them ever goes back.
        let expected = if_match.0.map(|seen| (stream(&sku, first), seen - others));
        let answer = asker.try_to(app, use_case, idempotency, expected).await;
        let answer = answer.map_err(|error| problem_of(&counting(error, others)))?;
        // Of a location that is new, the stock at `main` has taken notice.
        let is_shown = |place: &Place| answer.outcome.locations.iter().any(|shown| shown.as_str() == place.location);
        let elsewhere: Vec<Place> = elsewhere.into_iter().filter(|place| !is_shown(place)).collect();
        let elsewhere = if answer.replayed {
            as_of(app, &answer, elsewhere).await?
        } else {
            elsewhere.into_iter().map(|place| (place.version, StockAtView::from(place))).collect()
        };
        let places = touched_by(&answer).chain(elsewhere).collect();
        Ok(StockAnswer { stock: StockView::over(&sku, places), answer })
    }
}

/// The executor knows the version of the one stream that it compared.
fn counting(error: CommandError, others: i64) -> CommandError {
    match error {
        CommandError::Rejected(Rejection::VersionMismatch { expected, current }) => {
            Rejection::VersionMismatch { expected: expected + others, current: current + others }.into()
        }
        other => other,
    }
}

/// The stock at every other location.
async fn elsewhere(app: &App, sku: &Sku, touched: &[Location]) -> Result<Vec<Place>, Problem> {
    let found = stock::find(&app.shop.read_models, sku).await;
    let (level, _) = found.map_err(|error| queries::problem_of(&error))?;
    let places = level.map(|level| level.locations).unwrap_or_default();
    let is_touched = |place: &Place| touched.iter().any(|location| location.as_str() == place.location);
    Ok(places.into_iter().filter(|place| !is_touched(place)).collect())
}

/// A repeat gets the version of the first answer, so other locations count as of then.
async fn as_of(
    app: &App,
    answer: &Answer<StockOutcome>,
    elsewhere: Vec<Place>,
) -> Result<Vec<(i64, StockAtView)>, Problem> {
    let sku = &answer.outcome.sku;
    let locations: Vec<Location> = elsewhere.iter().filter_map(|place| place.location.parse().ok()).collect();
    if locations.is_empty() {
        return Ok(Vec::new());
    }
    let streams: Vec<StreamId> = locations.iter().map(|location| stream(sku, location)).collect();
    let events = app.shop.book.streams(&streams, answer.position).await;
    let events = events.map_err(|error| Problem::new(Code::Unavailable).because(&error))?;
    let states = States::fold(&streams, &events);
    Ok(locations.iter().filter_map(|location| standing(sku, location, &states)).collect())
}

fn touched_by(answer: &Answer<StockOutcome>) -> impl Iterator<Item = (i64, StockAtView)> {
    let StockOutcome { sku, locations } = &answer.outcome;
    locations.iter().filter_map(|location| standing(sku, location, &answer.states))
}

/// With its version; nothing where there was never any stock.
fn standing(sku: &Sku, location: &Location, states: &States) -> Option<(i64, StockAtView)> {
    let (state, version) = states.get::<Inventory>(inventory_stream(sku, location))?;
    (version > 0).then(|| (version, StockAtView::of(location, state, Utc::now())))
}

fn stream(sku: &Sku, location: &Location) -> StreamId {
    Inventory::stream(inventory_stream(sku, location))
}
