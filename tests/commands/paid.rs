//! The shop of the tests that are about money, and sales in it as far as they have come.

use super::{
    running::{Premises, Running},
    shop::{Sale, stocked},
};

/// A card that Stripe takes, and what a mug costs.
pub(super) const OK: &str = "pm_card_visa";
pub(super) const PRICE: i64 = 1_000;

/// Where mugs are sold, as many as a test wants.
pub(super) async fn selling_mugs(premises: Premises) -> (Premises, Running) {
    let mut running = premises.run().await;
    stocked(&running.node, "MUG", 1_000).await;
    running.settle().await;
    (premises, running)
}

/// Where Stripe carries the payments.
pub(super) async fn shop() -> (Premises, Running) {
    selling_mugs(Premises::open_with_stripe().await).await
}

impl Running {
    /// An order whose payment is requested, and nobody has called yet.
    pub(super) async fn requested(&mut self, token: &'static str) -> Sale {
        let sale = Sale::check_out(&self.node, "MUG", 1, token).await;
        self.follow().await;
        sale
    }

    pub(super) async fn confirmed(&mut self) -> Sale {
        let sale = Sale::check_out(&self.node, "MUG", 1, OK).await;
        self.settle().await;
        sale
    }

    pub(super) async fn shipped(&mut self) -> Sale {
        let sale = self.confirmed().await;
        self.node.accept(sale.ship()).await;
        self.settle().await;
        sale
    }
}
