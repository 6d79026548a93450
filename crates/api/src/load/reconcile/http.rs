//! What the read models say, asked over HTTP as of the head of the book.

use eventstore::Position;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::check::Check;
use super::super::client::{Client, Failure};
use super::super::instance::Instance;
use super::super::tokens::Tokens;
use super::Evidence;
use super::money::{Ledger, Moneys, Paid};
use super::orders::{Order, Orders};
use super::read_models::{self, Sale, Stock, Stocks};

/// The most that a page of orders may have.
const ORDERS: u32 = 200;
/// The most that a page of the report may have.
const SALES: u32 = 10_000;

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// Asks as staff, as of one position.
struct Reader<'a> {
    client: Client,
    tokens: &'a Tokens,
    at_least: Position,
}

pub(super) async fn checks(evidence: Evidence<'_>, instance: &Instance, tokens: &Tokens, head: Position) -> [Check; 4] {
    let mut reader = Reader { client: Client::new(&instance.api), tokens, at_least: head };
    let broken = |name: &'static str| move |failure: Failure| Check::broken(name, &failure);
    [
        reader.sales(evidence).await.unwrap_or_else(broken("sales")),
        reader.orders(evidence).await.unwrap_or_else(broken("orders")),
        reader.stock(evidence).await.unwrap_or_else(broken("stock")),
        reader.money(evidence).await.unwrap_or_else(broken("money")),
    ]
}

impl Reader<'_> {
    async fn sales(&mut self, evidence: Evidence<'_>) -> Result<Check, Failure> {
        let mut report: Vec<Sale> = Vec::new();
        self.pages(&format!("/v1/reports/sales?group_by=day,sku&limit={SALES}"), |sale| report.push(sale)).await?;
        Ok(read_models::sales(evidence.plan, &evidence.sums(), &report))
    }

    async fn orders(&mut self, evidence: Evidence<'_>) -> Result<Check, Failure> {
        let mut orders = Orders::new(evidence.plan, evidence.accepted);
        self.pages(&format!("/v1/orders?limit={ORDERS}"), |order: Order| orders.see(&order)).await?;
        Ok(orders.check())
    }

    async fn stock(&mut self, evidence: Evidence<'_>) -> Result<Check, Failure> {
        let (sums, restocked) = (evidence.sums(), evidence.restocked());
        let mut stocks = Stocks::new(evidence.plan, &sums, &restocked);
        for &(product, received) in evidence.plan.stock() {
            let path = format!("/v1/inventory/{}", evidence.plan.product(product).sku);
            let stock = match self.client.read::<Stock>(&path, self.tokens.staff(), self.at_least.0).await {
                // Of what nothing was received there is no stock to show.
                Err(Failure::Refused { code, .. }) if &*code == "not_found" && received == 0 => Stock::default(),
                stock => stock?,
            };
            stocks.see(product, received, stock);
        }
        Ok(stocks.check())
    }

    /// What was taken and given back for every order. Where nothing went otherwise than it should, the orders' own status says
    /// it, and a sample is enough.
    async fn money(&mut self, evidence: Evidence<'_>) -> Result<Check, Failure> {
        let mut money = Moneys::new(evidence.plan);
        for accepted in evidence.accepted.iter().filter(|accepted| accepted.is_otherwise()).chain(evidence.sample()) {
            let path = format!("/v1/orders/{}", accepted.order_id);
            let order: Paid = self.client.read(&path, self.tokens.staff(), self.at_least.0).await?;
            let mut ledgers = Vec::new();
            for payment in order.payments {
                let path = format!("/v1/payments/{}", payment.id);
                ledgers.push(self.client.read::<Ledger>(&path, self.tokens.staff(), self.at_least.0).await?);
            }
            money.see(accepted, &ledgers);
        }
        Ok(money.check())
    }

    /// Every item of a list, page after page.
    async fn pages<T: DeserializeOwned>(&mut self, path: &str, mut see: impl FnMut(T)) -> Result<(), Failure> {
        let mut cursor = None;
        loop {
            let next = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let path = format!("{path}{next}");
            let page: Page<T> = self.client.read(&path, self.tokens.staff(), self.at_least.0).await?;
            page.data.into_iter().for_each(&mut see);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
