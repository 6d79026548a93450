//! The built-in provider as somebody sees it who watches it: what was said to it, and what it did.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use commands::gateway::{
    AuthorizeRequest, CaptureRequest, GatewayError, Operation, PaymentGateway, Receipt, RefundRequest, VoidRequest,
    simulated::Simulated,
};
use domain::ids::PaymentId;
use tokio::sync::watch;

use super::fate::Fate;

#[derive(Debug)]
pub(super) struct Provider {
    simulated: Simulated,
    fate: Mutex<Fate>,
    /// Everything that was said to it, in order: to which payment, what, under which key.
    said: Mutex<Vec<(PaymentId, &'static str, String)>>,
    /// What it did, by the key: one operation, however often it is repeated.
    done: Mutex<BTreeMap<String, Operation>>,
    /// While it is held, `tok_slow` is not answered.
    held: watch::Sender<bool>,
    is_away: AtomicBool,
    loses_answers: AtomicBool,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            simulated: Simulated::answering_slowly_after(Duration::ZERO),
            fate: Mutex::new(Fate::spared()),
            said: Mutex::default(),
            done: Mutex::default(),
            held: watch::Sender::new(false),
            is_away: AtomicBool::new(false),
            loses_answers: AtomicBool::new(false),
        }
    }
}

impl Provider {
    /// From now on each operation is two steps of this node: before the provider does it, and before the node hears of it.
    pub(super) fn deals_with(&self, fate: &Fate) {
        *self.fate.lock().unwrap() = fate.clone();
    }

    pub(super) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(super) fn let_go(&self) {
        self.held.send_replace(false);
    }

    /// Everything is answered with an error, and nothing is done.
    pub(super) fn goes_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// What is asked of it is done, and its answers do not arrive.
    pub(super) fn loses_answers(&self, loses: bool) {
        self.loses_answers.store(loses, Ordering::SeqCst);
    }

    fn arrives<T>(&self, answer: Result<T, GatewayError>) -> Result<T, GatewayError> {
        if self.loses_answers.load(Ordering::SeqCst) {
            return Err(GatewayError::Unknown { reason: "the answer was lost".to_owned() });
        }
        answer
    }

    /// What was said about a payment, in order.
    pub(super) fn said_of(&self, payment_id: PaymentId) -> Vec<&'static str> {
        let said = self.said.lock().unwrap();
        said.iter().filter(|(of, ..)| *of == payment_id).map(|(_, what, _)| *what).collect()
    }

    /// What it did for a payment, each operation once.
    pub(super) fn done_for(&self, payment_id: PaymentId) -> Vec<&'static str> {
        let mut done: Vec<_> = self.operations(payment_id).iter().map(Operation::label).collect();
        done.sort_unstable();
        done
    }

    /// What it has taken for a payment.
    pub(super) fn captured(&self, payment_id: PaymentId) -> i64 {
        let operations = self.operations(payment_id);
        let amounts = operations.iter().map(|operation| match operation {
            Operation::Capture(request) => request.amount.amount(),
            _ => 0,
        });
        amounts.sum()
    }

    /// What it has given back of it.
    pub(super) fn refunded(&self, payment_id: PaymentId) -> i64 {
        let operations = self.operations(payment_id);
        let amounts = operations.iter().map(|operation| match operation {
            Operation::Refund(request) => request.amount.amount(),
            _ => 0,
        });
        amounts.sum()
    }

    fn operations(&self, payment_id: PaymentId) -> Vec<Operation> {
        let done = self.done.lock().unwrap();
        done.values().filter(|operation| payment_of(operation) == payment_id).cloned().collect()
    }

    fn hear(&self, what: &'static str, operation: &Operation) {
        let key = operation.idempotency_key().to_string();
        self.said.lock().unwrap().push((payment_of(operation), what, key));
    }

    fn did(&self, operation: Operation) {
        self.done.lock().unwrap().insert(operation.idempotency_key().to_string(), operation);
    }

    async fn step(&self) {
        let fate = self.fate.lock().unwrap().clone();
        fate.step().await;
    }

    async fn carry_out(
        &self,
        operation: Operation,
        answer: impl Future<Output = Result<Receipt, GatewayError>>,
    ) -> Result<Receipt, GatewayError> {
        self.step().await;
        self.hear(operation.label(), &operation);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(GatewayError::Unknown { reason: "the provider is away".to_owned() });
        }
        // Also what it never answers.
        if let Ok(Some(_)) = self.simulated.find(&operation).await {
            self.did(operation.clone());
        }
        let answer = answer.await;
        if answer.is_ok() {
            self.did(operation);
        }
        self.step().await;
        self.arrives(answer)
    }
}

#[async_trait]
impl PaymentGateway for Provider {
    fn name(&self) -> &'static str {
        self.simulated.name()
    }

    fn captures_more_than_once(&self) -> bool {
        self.simulated.captures_more_than_once()
    }

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<Receipt, GatewayError> {
        let answer = async {
            if request.token.as_str() == "tok_slow" {
                self.held.subscribe().wait_for(|held| !held).await.unwrap();
            }
            self.simulated.authorize(request).await
        };
        self.carry_out(Operation::Authorize(request.clone()), answer).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Receipt, GatewayError> {
        self.carry_out(Operation::Capture(request.clone()), self.simulated.capture(request)).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<Receipt, GatewayError> {
        self.carry_out(Operation::Void(request.clone()), self.simulated.void(request)).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<Receipt, GatewayError> {
        self.carry_out(Operation::Refund(request.clone()), self.simulated.refund(request)).await
    }

    async fn find(&self, operation: &Operation) -> Result<Option<Receipt>, GatewayError> {
        self.step().await;
        self.hear("find", operation);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(GatewayError::Unknown { reason: "the provider is away".to_owned() });
        }
        let found = self.simulated.find(operation).await;
        // It answers as if every request had arrived, so it stands by that.
        if let Ok(Some(_)) = found {
            self.did(operation.clone());
        }
        self.step().await;
        self.arrives(found)
    }
}

fn payment_of(operation: &Operation) -> PaymentId {
    match operation {
        Operation::Authorize(request) => request.payment_id,
        Operation::Capture(request) => request.payment_id,
        Operation::Void(request) => request.payment_id,
        Operation::Refund(request) => request.payment_id,
    }
}
