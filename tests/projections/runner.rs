//! The runner: what a crash, a rival and a book that went back do to it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ::projections::{
    ApplyError, Definition, Projection, Round, Rows, RunError, Runner, State, carts,
    stock::{self, Stock},
};
use async_trait::async_trait;
use domain::ids::{CartId, Location};
use eventstore::{Position, RecordedEvent};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use super::shop::{Shop, customer, drain, receive, sku};

/// Posts stock, and once, when told to, loses its connection after everything is written and before it is committed.
struct Crashing {
    crash: AtomicBool,
}

#[async_trait]
impl Projection for Crashing {
    fn definition(&self) -> &'static Definition {
        Stock.definition()
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        Stock.apply(tx, events).await?;
        if self.crash.swap(false, Ordering::Relaxed) {
            sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(tx).await?;
        }
        Ok(())
    }
}

async fn on_hand(shop: &Shop, code: &str) -> i64 {
    stock::find(&shop.models, &sku(code)).await.unwrap().0.map_or(0, |level| level.on_hand)
}

#[tokio::test]
async fn a_crash_between_the_writing_and_the_commit_has_no_double_effect() {
    let mut shop = Shop::open().await;
    shop.received(&sku("A"), 10);
    let head = shop.append().await;
    let mut runner = shop.runner(Box::leak(Box::new(Crashing { crash: AtomicBool::new(true) })));
    let crashed = runner.run_once().await;
    assert!(matches!(crashed, Err(RunError::Apply(ApplyError::Database(_)))), "{crashed:?}");
    assert_eq!(on_hand(&shop, "A").await, 0);
    let status = &shop.models.status(&[&stock::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.position, status.lag_events, status.state), (Position::TITLE, head.0, State::Running));
    assert!(status.reason.is_some());

    assert_eq!(drain(&mut runner).await, 1);
    assert_eq!(on_hand(&shop, "A").await, 10);
    let status = &shop.models.status(&[&stock::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.position, status.lag_events, status.reason.as_deref()), (head, 0, None));
}

#[tokio::test]
async fn two_runners_of_one_projection_post_every_event_once() {
    let mut shop = Shop::open().await;
    let code = sku("A");
    let mut received = shop.received(&code, 1);
    for _ in 1..4_500 {
        shop.decide(&mut received, receive(&code, &Location::main(), 1)).unwrap();
    }
    shop.append().await;
    // Each with a reading of its own, as in two processes.
    let runner = || Runner::new(&Stock, shop.database.app_options(), shop.book.clone(), shop.progress.clone());
    let (mut one, mut other) = (runner(), runner());
    let (by_one, by_other) = tokio::join!(drain(&mut one), drain(&mut other));
    assert_eq!(by_one + by_other, 4_500);
    assert_eq!(on_hand(&shop, "A").await, 4_500);
}

#[tokio::test]
async fn a_runner_that_was_overtaken_stands_by_until_the_other_goes_no_further() {
    let mut shop = Shop::open().await;
    let code = sku("A");
    let (mut one, mut other) = (shop.runner(&Stock), shop.runner(&Stock));
    for runner in [&mut one, &mut other] {
        assert_eq!(runner.run_once().await.unwrap(), Round::Idle);
    }
    let mut received = shop.received(&code, 1);
    shop.append().await;
    assert_eq!(one.run_once().await.unwrap(), Round::Advanced { events: 1 });
    shop.decide(&mut received, receive(&code, &Location::main(), 1)).unwrap();
    shop.append().await;
    assert_eq!(other.run_once().await.unwrap(), Round::Elsewhere);
    assert_eq!(other.run_once().await.unwrap(), Round::Elsewhere);
    assert_eq!(other.run_once().await.unwrap(), Round::Advanced { events: 1 });
    for round in [Round::Elsewhere, Round::Elsewhere, Round::Idle] {
        assert_eq!(one.run_once().await.unwrap(), round);
    }
    assert_eq!(on_hand(&shop, "A").await, 2);
}

#[tokio::test]
async fn events_of_other_categories_move_the_checkpoint_and_nothing_else() {
    let mut shop = Shop::open().await;
    let cart = shop.cart(customer(1));
    let head = shop.post(&Stock).await;
    let reached = shop.models.status(&[&stock::DEFINITION, &carts::DEFINITION]).await.unwrap();
    assert_eq!([reached[0].position, reached[1].position], [head, Position::TITLE]);
    let (found, _) = carts::find(&shop.models, CartId::from_uuid(cart.id)).await.unwrap();
    assert_eq!(found, None);
}

/// A projection that nobody has installed.
struct Uninstalled;

static UNINSTALLED: Definition =
    Definition { name: "none", schema_name: "none_v1", tables: "", posts: &[], rows: Rows::ByStream };

#[async_trait]
impl Projection for Uninstalled {
    fn definition(&self) -> &'static Definition {
        &UNINSTALLED
    }

    async fn apply(&self, _: &mut PgConnection, _: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_projection_without_tables_says_that_it_is_not_installed() {
    let shop = Shop::open().await;
    let refused = shop.runner(&Uninstalled).run_once().await;
    assert!(matches!(refused, Err(RunError::NotInstalled { schema_name: "none_v1" })), "{refused:?}");
    let status = &shop.models.status(&[&UNINSTALLED]).await.unwrap()[0];
    assert_eq!(status.state, State::Stopped);
    assert!(status.reason.as_ref().unwrap().contains("daybook migrate"));
}

#[tokio::test]
async fn installing_again_changes_nothing_and_other_tables_need_another_version() {
    static CHANGED: Definition = Definition {
        name: "stock",
        schema_name: "stock_v2",
        tables: "CREATE TABLE other (id uuid);",
        posts: &[],
        rows: Rows::ByStream,
    };
    let mut shop = Shop::open().await;
    shop.received(&sku("A"), 7);
    let head = shop.post(&Stock).await;
    let mut owner = shop.database.owner_options().connect().await.unwrap();
    let definitions = ::projections::ALL.map(Projection::definition);
    ::projections::install(&mut owner, &definitions).await.unwrap();
    assert_eq!(shop.models.status(&[&stock::DEFINITION]).await.unwrap()[0].position, head);
    assert_eq!(on_hand(&shop, "A").await, 7);

    let refused = ::projections::install(&mut owner, &[&CHANGED]).await;
    assert!(matches!(refused, Err(::projections::InstallError::Changed { schema_name: "stock_v2" })), "{refused:?}");
}

#[tokio::test]
async fn a_book_that_went_back_is_refused_until_it_holds_again_what_was_posted() {
    let mut shop = Shop::open().await;
    let code = sku("A");
    let mut received = shop.received(&code, 1);
    shop.decide(&mut received, receive(&code, &Location::main(), 1)).unwrap();
    let head = shop.post(&Stock).await;
    let lost = format!(
        "CREATE TABLE kept AS SELECT * FROM book.events WHERE position = {head};
         ALTER TABLE book.events DISABLE TRIGGER events_append_only;
         DELETE FROM book.events WHERE position = {head};"
    );
    let mut superuser = support::postgres::postgres().await.superuser(shop.database.name()).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(lost)).execute(&mut superuser).await.unwrap();

    let mut runner = shop.runner(&Stock);
    let refused = runner.run_once().await;
    assert!(matches!(refused, Err(RunError::Refused(_))), "{refused:?}");
    let status = &shop.models.status(&[&stock::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.state, status.position), (State::Refused, head));
    assert!(status.reason.as_ref().unwrap().contains("went back"), "{:?}", status.reason);

    let restored = "INSERT INTO book.events SELECT * FROM kept; DROP TABLE kept;
         ALTER TABLE book.events ENABLE ALWAYS TRIGGER events_append_only;";
    sqlx::raw_sql(restored).execute(&mut superuser).await.unwrap();
    drain(&mut runner).await;
    let status = &shop.models.status(&[&stock::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.state, status.reason.as_deref(), status.position), (State::Running, None, head));
}
