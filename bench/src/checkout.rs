//! Checkout: a cart of so many lines becomes an order, its stock reserved and its payment opened, in one append. The carts
//! are filled beforehand; what is measured is the checkout alone. No peer has it: a transaction over several aggregates is what
//! cqrs-es leaves to sagas.

use commands::carts::{AddItem, OpenCart};
use commands::checkout::{CheckOut, PaymentDetails};
use commands::executor::Commands;
use domain::ids::{CartId, CustomerId, OrderId, PaymentId, Quantity};
use domain::money::Currency;
use domain::payment::{Method, PaymentToken, Provider};
use domain::sealed::Sealed;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bench::Bench;
use crate::catalogue::{Catalogue, envelope};
use crate::daybook::{Daybook, World};
use crate::failure::Failure;
use crate::measure::{Client, Series, counted};
use crate::picture;
use crate::report::{Aim, Section, Unit, grouped, time};

/// Clients, lines of a cart, and how many such carts a client checks out. Many clients make about as many events each; the
/// one shows how long a buyer with a large cart waits when nobody else is there.
const CARTS: [(usize, usize, usize); 4] = [(64, 1, 48), (64, 10, 12), (64, 100, 2), (1, 100, 24)];
/// Of the last of them: the median, in milliseconds.
const AIM_MS: f64 = 5.0;
/// Cart, order and payment have an event each, beside one for the stock of every line.
const EVENTS_BESIDE_LINES: usize = 3;

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let daybook = Daybook::open(&bench.cluster.book("checkout").await?, World::Warm).await?;
    bench.catalogue.publish(&daybook.commands).await?;
    let mut series = CARTS.map(|(clients, lines, carts)| (lines, carts, Series::new("Daybook", clients)));
    for _ in 0..bench.plan.rounds {
        for (lines, carts, series) in &mut series {
            let buyers = fill(&daybook.commands, &bench.catalogue, series.clients, *lines, *carts).await?;
            bench.cluster.checkpoint().await?;
            series.samples.push(counted(buyers, *carts).await?);
        }
    }
    daybook.stop().await?;
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    for (lines, _, series) in &series {
        let median = series.median();
        let events = median.per_second * (lines + EVENTS_BESIDE_LINES) as f64;
        let times = [median.p50, median.p99, median.p999].map(time);
        let clients = series.clients;
        let counts = vec![clients.to_string(), lines.to_string(), grouped(median.per_second), grouped(events)];
        rows.push([counts, times.to_vec()].concat());
        bars.push((format!("{clients} × {lines} lines"), median.per_second));
    }
    Ok(Section {
        work: "checkout",
        title: "Checkout",
        about: "Clients check out carts that were filled before: the price of every line is looked up, its stock reserved, \
                the order created and its payment opened, all in one append or not at all."
            .to_owned(),
        heads: vec!["clients", "lines", "checkouts/s", "events/s", "p50", "p99", "p999"],
        rows,
        picture: Some(picture::bars("Checkouts by lines of the cart", "checkouts/s", &bars)?),
        aims: vec![aim(&series)],
    })
}

fn aim(series: &[(usize, usize, Series)]) -> Aim {
    let (_, _, alone) = series.last().expect("there are several");
    Aim {
        what: "p50 of a cart of 100 lines, 1 client".to_owned(),
        wanted: AIM_MS,
        found: alone.median().p50.as_secs_f64() * 1_000.0,
        unit: Unit::AtMostMilliseconds,
        if_missed: "nothing was tried yet",
    }
}

struct Buyer {
    commands: Commands,
    customer_id: CustomerId,
    carts: Vec<CartId>,
}

/// So many full carts for each client.
async fn fill(
    commands: &Commands,
    catalogue: &Catalogue,
    clients: usize,
    lines: usize,
    carts: usize,
) -> Result<Vec<Buyer>, Failure> {
    let mut filling = JoinSet::new();
    for number in 0..clients {
        let mut buyer =
            Buyer { commands: commands.clone(), customer_id: CustomerId::from_uuid(Uuid::now_v7()), carts: Vec::new() };
        let catalogue = catalogue.clone();
        filling.spawn(async move {
            for cart in 0..carts {
                buyer.fill(&catalogue, (number * carts + cart) * lines, lines).await?;
            }
            Ok::<_, Failure>(buyer)
        });
    }
    let mut buyers = Vec::new();
    while let Some(buyer) = filling.join_next().await {
        buyers.push(buyer??);
    }
    Ok(buyers)
}

impl Buyer {
    async fn fill(&mut self, catalogue: &Catalogue, from: usize, lines: usize) -> Result<(), Failure> {
        let (cart_id, customer_id) = (CartId::from_uuid(Uuid::now_v7()), self.customer_id);
        let open = OpenCart { cart_id, customer_id, guest: false, currency: Currency::GBP };
        self.commands.run(open, envelope(customer_id.as_uuid())).await?;
        for line in 0..lines {
            let sku = catalogue.sku(from + line).clone();
            let add = AddItem { cart_id, owner: Some(customer_id), sku, quantity: Quantity::ONE };
            self.commands.run(add, envelope(customer_id.as_uuid())).await?;
        }
        self.carts.push(cart_id);
        Ok(())
    }
}

impl Client for Buyer {
    async fn work(&mut self) -> Result<(), Failure> {
        let Some(cart_id) = self.carts.pop() else { return Ok(()) };
        let subject = self.customer_id.as_uuid();
        let check_out = CheckOut {
            cart_id,
            owner: Some(self.customer_id),
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            payment: PaymentDetails {
                provider: Provider::new("simulated").expect("a word"),
                method: Method::new("card").expect("a word"),
                token: PaymentToken::new("tok_approve").expect("a word"),
            },
            shipping_address: Sealed::new(subject, "c2VhbGVkIHdpdGggYSBrZXkgb2YgdGhlIHBlcnNvbg").expect("printable"),
            email: None,
            country: None,
            expected_total: None,
        };
        self.commands.run(check_out, envelope(subject)).await?;
        Ok(())
    }
}
