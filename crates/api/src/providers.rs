//! The payment providers of a node, from flags and environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use commands::clock::Clock;
use commands::gateway::Gateways;
use commands::gateway::simulated::{self, Simulated};
use commands::gateway::stripe::{self, Stripe, StripeConfig, StripeError};
use domain::payment::Provider;

use crate::config::Secret;
use crate::node::{PaymentParts, RECONCILE_EVERY};

#[derive(Debug, Clone, Args)]
pub struct PaymentArgs {
    /// Who carries new payments: simulated or stripe [default: stripe where its key is given, else simulated]
    #[arg(long, env = "DAYBOOK_PROVIDER", value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// The secret key of Stripe's API
    #[arg(long, env = "DAYBOOK_STRIPE_SECRET_KEY", hide_env_values = true, value_name = "KEY")]
    pub stripe_secret_key: Option<Secret>,
    /// The secret of the endpoint that Stripe's webhooks are sent to; two of them while it is rolled
    #[arg(
        long,
        env = "DAYBOOK_STRIPE_WEBHOOK_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        value_delimiter = ','
    )]
    pub stripe_webhook_secret: Vec<Secret>,
    /// Where buyers come back to from their bank; without it, payments that take a visit there are declined
    #[arg(long, env = "DAYBOOK_STRIPE_RETURN_URL", value_name = "URL")]
    pub stripe_return_url: Option<String>,
    /// Where Stripe's API is
    #[arg(long, env = "DAYBOOK_STRIPE_URL", default_value = stripe::BASE_URL, value_name = "URL")]
    pub stripe_url: String,
    /// A file of certificates (PEM) that are trusted when Stripe's API is called, beside those that the machine trusts: of a
    /// proxy of your own
    #[arg(long, env = "DAYBOOK_STRIPE_CA_FILE", value_name = "FILE")]
    pub stripe_ca_file: Option<PathBuf>,
    /// How many hours pass between two comparisons of the providers' books with the ledger
    #[arg(
        long,
        env = "DAYBOOK_RECONCILE_HOURS",
        default_value_t = RECONCILE_EVERY.as_secs() / SECONDS_AN_HOUR,
        value_name = "HOURS",
        value_parser = clap::value_parser!(u64).range(1..=8760)
    )]
    pub reconcile_hours: u64,
}

const SECONDS_AN_HOUR: u64 = 3_600;

#[derive(Debug, thiserror::Error)]
pub enum PaymentConfigError {
    #[error("Stripe cannot be used")]
    Stripe(#[from] StripeError),
    #[error("the certificates in {} cannot be read", .0.display())]
    Authorities(PathBuf, #[source] std::io::Error),
    #[error("there is no provider {0:?} here; there are simulated and, with DAYBOOK_STRIPE_SECRET_KEY, stripe")]
    NoSuchProvider(String),
    #[error(
        "secrets of Stripe's webhooks are of no use without DAYBOOK_STRIPE_SECRET_KEY: what they tell of is asked for"
    )]
    NoSecretKey,
}

impl PaymentArgs {
    /// Connects to nobody.
    pub fn parts(&self) -> Result<PaymentParts, PaymentConfigError> {
        // Payments that it carries may be there, whoever carries new ones.
        let mut gateways = Gateways::default().with(Arc::new(Simulated::default()));
        let mut provider = simulated::NAME;
        if let Some(secret_key) = &self.stripe_secret_key {
            gateways = gateways.with(Arc::new(self.stripe(secret_key)?));
            provider = stripe::NAME;
        } else if !self.stripe_webhook_secret.is_empty() {
            return Err(PaymentConfigError::NoSecretKey);
        }
        let provider = self.provider.as_deref().unwrap_or(provider);
        let known = Provider::new(provider).ok().filter(|provider| gateways.get(provider).is_some());
        let provider = known.ok_or_else(|| PaymentConfigError::NoSuchProvider(provider.to_owned()))?;
        let reconcile_every = Duration::from_secs(self.reconcile_hours * SECONDS_AN_HOUR);
        Ok(PaymentParts { gateways: Arc::new(gateways), provider, reconcile_every })
    }

    /// What a node says of them when it starts.
    pub(crate) fn warn(&self) {
        if self.stripe_secret_key.is_some() && self.stripe_webhook_secret.is_empty() {
            tracing::warn!("Stripe's webhooks are refused: no DAYBOOK_STRIPE_WEBHOOK_SECRET is set");
        }
        if self.stripe_url.starts_with("http://") && self.stripe_secret_key.is_some() {
            tracing::warn!(url = self.stripe_url, "the key of Stripe's API is sent without encryption");
        }
    }

    fn stripe(&self, secret_key: &Secret) -> Result<Stripe, PaymentConfigError> {
        let read =
            |path: &PathBuf| std::fs::read(path).map_err(|error| PaymentConfigError::Authorities(path.clone(), error));
        let secret = |secret: &Secret| stripe::Secret::new(secret.expose());
        let config = StripeConfig {
            base_url: self.stripe_url.clone(),
            secret_key: secret(secret_key),
            webhook_secrets: self.stripe_webhook_secret.iter().map(secret).collect(),
            return_url: self.stripe_return_url.clone(),
            authorities: self.stripe_ca_file.as_ref().map(read).transpose()?,
        };
        Ok(Stripe::new(config, Clock::default())?)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        payments: PaymentArgs,
    }

    fn parts(flags: &[&str]) -> Result<PaymentParts, PaymentConfigError> {
        let flags = [&["daybook"], flags].concat();
        Program::try_parse_from(flags).unwrap().payments.parts()
    }

    const KEY: &str = "--stripe-secret-key=sk_test_hunter2";

    #[test]
    fn stripe_carries_new_payments_where_its_key_is_given_and_the_simulated_one_else() {
        let carries = |flags: &[&str]| parts(flags).unwrap().provider.as_str().to_owned();
        assert_eq!(carries(&[]), "simulated");
        assert_eq!(carries(&[KEY]), "stripe");
        assert_eq!(carries(&[KEY, "--provider=simulated"]), "simulated");
        assert_eq!(carries(&[KEY, "--stripe-webhook-secret=whsec_a,whsec_b"]), "stripe");
    }

    #[test]
    fn settings_that_cannot_work_are_refused_in_one_line() {
        for (flags, said) in [
            (&["--provider=stripe"][..], "there is no provider \"stripe\" here"),
            (&["--provider=paypal", KEY], "there is no provider \"paypal\" here"),
            (&["--stripe-webhook-secret=whsec_a"], "of no use without DAYBOOK_STRIPE_SECRET_KEY"),
            (&[KEY, "--stripe-url=ftp://stripe"], "Stripe cannot be used"),
            (&[KEY, "--stripe-url=api.stripe.com"], "Stripe cannot be used"),
            (&[KEY, "--stripe-webhook-secret="], "Stripe cannot be used"),
            (&[KEY, "--stripe-ca-file=/nowhere.pem"], "the certificates in /nowhere.pem cannot be read"),
            (&[KEY, "--stripe-ca-file=/dev/null"], "Stripe cannot be used"),
        ] {
            let error = parts(flags).unwrap_err();
            assert!(error.to_string().contains(said), "{flags:?}: {error}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", parts(&[KEY, "--stripe-webhook-secret=whsec_hunter2"]).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
