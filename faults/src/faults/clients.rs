//! F09, F20, F21: what clients can do to a node.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    client::Client,
    error::Error,
    history::{Command, Kind, Outcome, Record},
    rng::Rng,
    shop::{SKUS, command, receipt},
    stage::Stage,
};

/// F09: hang-ups in a run of ten minutes, how many at once, and how soon.
const HANG_UPS: f64 = 5_000.0;
const HANG_UPS_AT_ONCE: usize = 40;
const HANG_UP_AFTER_MAX: Duration = Duration::from_millis(20);
/// On the way to Postgres, so that a BEGIN is in flight when the client goes.
const SLOW_DATABASE: Duration = Duration::from_millis(50);

/// F20.
const PARALLEL: usize = 50;
const ROUND_PAUSE: Duration = Duration::from_millis(200);
const REPLAYED_MAX: usize = 400;

/// F21.
const CONTENDERS: usize = 64;
const TURNS: usize = 3;
const LAST_UNIT_BUYERS: usize = 16;
/// In which each contender has to get through.
const PATIENCE: Duration = Duration::from_secs(25);

pub(crate) async fn hang_up(stage: &mut Stage) -> Result<(), Error> {
    stage.proxy.delay(SLOW_DATABASE);
    let each = (HANG_UPS * stage.plan.scale) as usize / HANG_UPS_AT_ONCE;
    let mut crowd = JoinSet::new();
    for number in 0..HANG_UPS_AT_ONCE {
        let mut rng = stage.rng.fork(&format!("hang-up {number}"));
        let mut client = stage.tokens().staff(&stage.site, &rng, "staff");
        crowd.spawn(async move {
            for _ in 0..each {
                let asked = match rng.below(4) {
                    0 => command(Kind::OpenCart, "POST", "/v1/carts".to_owned(), &json!({})),
                    1 => receipt(SKUS[rng.index(SKUS.len())], 1),
                    2 => command(Kind::ReadOrder, "GET", "/v1/orders?limit=3".to_owned(), &serde_json::Value::Null),
                    _ => Command {
                        min_position: Some(1),
                        ..command(Kind::ReadOrder, "GET", "/v1/orders?limit=3".to_owned(), &serde_json::Value::Null)
                    },
                };
                let key = (asked.method == "POST").then(|| rng.uuid().to_string());
                let after = rng.between(Duration::ZERO, HANG_UP_AFTER_MAX);
                client.hang_up(&asked, key.as_deref(), after).await;
            }
        });
    }
    crowd.join_all().await;
    stage.note(format!("{} hang-ups", each * HANG_UPS_AT_ONCE));
    Ok(())
}

/// F20: one key many times at once, one key for another request, and at the end everything that was ever sent, again.
pub(crate) async fn repeat(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("repeats");
    let (began, time) = (Instant::now(), stage.time());
    let mut rounds = 0;
    while began.elapsed() < time {
        let asked = receipt(SKUS[rng.index(SKUS.len())], 1);
        at_once(stage, &asked, &mut rng).await;
        rounds += 1;
        sleep(ROUND_PAUSE).await;
    }
    let sent: Vec<Record> = stage.site.history.records();
    let staffs = sent.iter().filter(|record| record.command.customer.is_none() && record.command.kind == Kind::Receive);
    let mut staff = stage.tokens().staff(&stage.site, &stage.rng, "first staff");
    staff.reseed(rng.fork("replay"));
    let mut replayed = 0;
    for record in staffs.take(REPLAYED_MAX) {
        // Of the same staff: a key of another one is another key.
        if record.key.is_some() && record.t_invoke < first_staff_until(&sent) {
            staff.settle(&record.command, record.key.as_deref(), PATIENCE).await;
            replayed += 1;
        }
    }
    let customers = sent.iter().filter(|record| record.command.customer.is_some() && record.key.is_some());
    for record in customers.take(REPLAYED_MAX) {
        let id = record.command.customer.unwrap_or_default();
        let mut customer = stage.tokens().customer(&stage.site, 0, id, rng.fork(&record.op.to_string()));
        customer.settle(&record.command, record.key.as_deref(), PATIENCE).await;
        replayed += 1;
    }
    stage.note(format!("{rounds} rounds of {PARALLEL} at once, {replayed} requests replayed"));
    Ok(())
}

/// The first staff stocks the shop and does nothing else.
fn first_staff_until(sent: &[Record]) -> u64 {
    let first = sent.iter().find(|record| record.command.kind == Kind::OpenCart);
    first.map_or(u64::MAX, |record| record.t_invoke)
}

async fn at_once(stage: &Stage, asked: &Command, rng: &mut Rng) {
    let key = rng.uuid().to_string();
    let mut crowd = JoinSet::new();
    for number in 0..PARALLEL {
        // The same caller on many connections: the scope of a key is the caller.
        let mut client = stage.tokens().staff(&stage.site, &stage.rng, "one of many");
        client.reseed(rng.fork(&format!("{number}")));
        // Every tenth uses the key for something else, which must not be done as well.
        let quantity = if number % 10 == 9 { 2 } else { 1 };
        let asked = if quantity == 1 {
            asked.clone()
        } else {
            Command { body: json!({ "quantity": 2 }).to_string(), ..asked.clone() }
        };
        let key = key.clone();
        crowd.spawn(async move { client.settle(&asked, Some(&key), PATIENCE).await });
    }
    crowd.join_all().await;
}

/// F21: everybody at one cart, then everybody at the last unit.
pub(crate) async fn contend(stage: &mut Stage) -> Result<(), Error> {
    let (began, time) = (Instant::now(), stage.time());
    let mut rounds = 0;
    while began.elapsed() < time {
        one_cart(stage, rounds).await;
        the_last_unit(stage, rounds).await?;
        rounds += 1;
    }
    stage.note(format!("{rounds} rounds of {CONTENDERS} clients at one cart, and of {LAST_UNIT_BUYERS} for one unit"));
    Ok(())
}

async fn one_cart(stage: &mut Stage, round: usize) {
    let mut rng = stage.rng.fork(&format!("one cart {round}"));
    let mut staff = stage.tokens().staff(&stage.site, &rng, "staff");
    let open = command(Kind::OpenCart, "POST", "/v1/carts".to_owned(), &json!({}));
    let opened = staff.settle(&open, Some(&rng.uuid().to_string()), PATIENCE).await;
    let Some(cart) = opened.answer.location.filter(|_| opened.outcome == Outcome::Ok) else {
        return stage.find("F21", "no cart could be opened");
    };
    let add = command(Kind::AddItem, "POST", format!("{cart}/items"), &json!({ "sku": SKUS[0], "quantity": 1 }));
    let mut crowd = JoinSet::new();
    for number in 0..CONTENDERS {
        let mut rng = rng.fork(&format!("contender {number}"));
        let mut client = stage.tokens().staff(&stage.site, &rng, "staff");
        client.reseed(rng.fork("requests"));
        client.turn_to(number);
        let add = add.clone();
        crowd.spawn(async move {
            let mut through = 0;
            for _ in 0..TURNS {
                let added = client.settle(&add, Some(&rng.uuid().to_string()), PATIENCE).await;
                through += usize::from(added.outcome == Outcome::Ok);
            }
            through
        });
    }
    let through: usize = crowd.join_all().await.into_iter().sum();
    if through < CONTENDERS * TURNS {
        stage.find("F21", format!("of {} commands on one stream {through} got through", CONTENDERS * TURNS));
    }
}

async fn the_last_unit(stage: &mut Stage, round: usize) -> Result<(), Error> {
    let mut rng = stage.rng.fork(&format!("last unit {round}"));
    let sku = format!("LAST-{round}");
    let mut staff = stage.tokens().staff(&stage.site, &rng, "staff");
    let product =
        json!({ "sku": sku, "name": "The last one", "price": { "amount": 500, "currency": "GBP" }, "publish": true });
    let create = command(Kind::CreateProduct, "POST", "/v1/products".to_owned(), &product);
    for command in [create, receipt(&sku, 1)] {
        staff.settle(&command, Some(&rng.uuid().to_string()), PATIENCE).await;
    }
    let mut buyers = Vec::new();
    for number in 0..LAST_UNIT_BUYERS {
        let mut own = rng.fork(&format!("buyer {number}"));
        let id = own.uuid();
        let client = stage.tokens().customer(&stage.site, number, id, own.fork("client"));
        buyers.push(fill_cart(client, own, id, sku.clone()));
    }
    let mut filling = JoinSet::new();
    buyers.into_iter().for_each(|buyer| drop(filling.spawn(buyer)));
    let ready: Vec<_> = filling.join_all().await.into_iter().flatten().collect();
    // All of them at one moment.
    let barrier = Arc::new(tokio::sync::Barrier::new(ready.len().max(1)));
    let mut racing = JoinSet::new();
    for (mut client, check_out, key) in ready {
        let barrier = Arc::clone(&barrier);
        racing.spawn(async move {
            barrier.wait().await;
            client.settle(&check_out, Some(&key), PATIENCE).await.outcome == Outcome::Ok
        });
    }
    let bought = racing.join_all().await.into_iter().filter(|bought| *bought).count();
    if bought != 1 {
        stage.find("I6", format!("the last unit of {sku} was sold {bought} times"));
    }
    Ok(())
}

type Buyer = (Client, Command, String);

async fn fill_cart(mut client: Client, mut rng: Rng, id: uuid::Uuid, sku: String) -> Option<Buyer> {
    let own = |command: Command| Command { customer: Some(id), ..command };
    let open = own(command(Kind::OpenCart, "POST", "/v1/carts".to_owned(), &json!({})));
    let cart = client.settle(&open, Some(&rng.uuid().to_string()), PATIENCE).await.answer.location?;
    let add = own(command(Kind::AddItem, "POST", format!("{cart}/items"), &json!({ "sku": sku, "quantity": 1 })));
    let added = client.settle(&add, Some(&rng.uuid().to_string()), PATIENCE).await;
    let address =
        json!({ "name": "Ada", "line1": "1 High St", "city": "Ely", "postal_code": "CB7 4EJ", "country": "GB" });
    let details = json!({ "payment": { "method": "card", "token": "tok_ok" }, "shipping_address": address });
    let check_out = own(command(Kind::CheckOut, "POST", format!("{cart}/checkout"), &details));
    (added.outcome == Outcome::Ok).then(|| (client, check_out, rng.uuid().to_string()))
}
