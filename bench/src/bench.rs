//! What every work is given.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::catalogue::Catalogue;
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::growth::HUGE_EVENTS;
use crate::large_book::LargeBook;
use crate::plan::Plan;

pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) plan: Plan,
    pub(crate) catalogue: Catalogue,
    large: OnceCell<Arc<LargeBook>>,
    huge: OnceCell<Arc<LargeBook>>,
}

impl Bench {
    pub(crate) fn new(cluster: Cluster, plan: Plan) -> Self {
        Self { cluster, plan, catalogue: Catalogue::new(), large: OnceCell::new(), huge: OnceCell::new() }
    }

    /// The book of a million events, filled for the first work that needs it.
    pub(crate) async fn large_book(&self) -> Result<Arc<LargeBook>, Failure> {
        let fill = || async { LargeBook::fill(self, "large", self.plan.large_book_events).await.map(Arc::new) };
        self.large.get_or_try_init(fill).await.cloned()
    }

    /// The book of ten million.
    pub(crate) async fn huge_book(&self) -> Result<Arc<LargeBook>, Failure> {
        let fill = || async { LargeBook::fill(self, "huge", HUGE_EVENTS).await.map(Arc::new) };
        self.huge.get_or_try_init(fill).await.cloned()
    }
}
