//! What every work is given.

use crate::catalogue::Catalogue;
use crate::cluster::Cluster;
use crate::plan::Plan;

pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) plan: Plan,
    pub(crate) catalogue: Catalogue,
}
