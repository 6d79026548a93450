//! Stripe over TLS: who it is has to be proved before anything is said, and who cannot prove it leaves a payment unknown.

use std::sync::Arc;

use commands::{gateway::Gateways, process::calls::CallWorkers};
use support::stripe::{Authority, Certificate, SECRET_KEY, Validity};

use super::{
    paid::{OK, selling_mugs},
    running::{Premises, Running},
};

/// Where the stand-in is, as it names itself.
const HOST: &str = "127.0.0.1";

impl Premises {
    async fn over_tls(certificate: Certificate, trusted: &Authority) -> (Self, Running) {
        let mut premises = Self::open_with_stripe_over_tls(certificate).await;
        premises.authorities = Some(trusted.pem().into());
        selling_mugs(premises).await
    }

    /// A node that was told to believe this authority, or none but those of the machine.
    fn workers_trusting(&self, running: &Running, trusted: Option<&Authority>) -> CallWorkers {
        let config = self.stripe_config(self.stripe(), SECRET_KEY);
        let authorities = trusted.map(|authority| authority.pem().into());
        let gateway = self.stripe_of(commands::gateway::stripe::StripeConfig { authorities, ..config });
        let gateways = Gateways::default().with(Arc::new(gateway));
        CallWorkers::new(self.pool(), running.node.commands.clone(), Arc::new(gateways))
    }

    async fn call_error(&self) -> String {
        sqlx::query_scalar("SELECT last_error FROM process.calls").fetch_one(&self.database.owner).await.unwrap()
    }
}

#[tokio::test]
async fn payments_are_carried_over_tls_where_the_authority_is_trusted() {
    let authority = Authority::default();
    let certificate = authority.certify(HOST, Validity::Now);
    let (premises, mut running) = Premises::over_tls(certificate, &authority).await;
    assert!(premises.stripe().url().starts_with("https://"));
    let (sale, cancelled) = (running.shipped().await, running.confirmed().await);
    running.node.accept(cancelled.cancel()).await;
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("shipped", "completed"));
    assert_eq!(premises.payment(cancelled.payment_id).await.status(), "voided");
}

#[tokio::test]
async fn who_cannot_prove_to_be_stripe_is_told_nothing_and_the_payment_is_unknown_and_asked_about_again() {
    let (authority, other) = (Authority::default(), Authority::default());
    for (certificate, trusted, said) in [
        (authority.certify(HOST, Validity::Now), None, "UnknownIssuer"),
        // It bears the same name, and has another key.
        (authority.certify(HOST, Validity::Now), Some(&other), "BadSignature"),
        (authority.certify("api.stripe.com", Validity::Now), Some(&authority), "not valid for name"),
        (authority.certify(HOST, Validity::Lapsed), Some(&authority), "expired"),
    ] {
        let (premises, mut running) = Premises::over_tls(certificate, &authority).await;
        let sale = running.requested(OK).await;
        let workers = premises.workers_trusting(&running, trusted);
        for attempt in 1..=3 {
            premises.leases_end().await;
            assert_eq!(workers.run_once().await.unwrap(), 1, "{said}: it is asked about again");
            let error = premises.call_error().await;
            assert!(error.contains("certificate") && error.contains(said), "{attempt}: {error}");
            assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("pending", "initiated"), "{said}");
        }
        assert_eq!(premises.stripe().heard(), [], "{said}: neither the key nor the payment was told");
        let history = premises.payment_history(sale.payment_id).await;
        assert_eq!(history, ["payment.initiated", "payment.authorization_requested"], "{said}");
    }
}

#[tokio::test]
async fn once_the_authority_is_trusted_the_payment_goes_on_and_is_held_once() {
    let authority = Authority::default();
    let certificate = authority.certify(HOST, Validity::Now);
    let (premises, mut running) = Premises::over_tls(certificate, &authority).await;
    let sale = running.requested(OK).await;
    let doubting = premises.workers_trusting(&running, None);
    assert_eq!(doubting.run_once().await.unwrap(), 1);
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
    assert_eq!(premises.intent(&sale)["status"], "requires_capture");
}
