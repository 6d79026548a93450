//! What `daybook dev` prints once it is ready: `name: value` a line, for people and for programs that start it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use super::{Broker, DevConfig, addresses};
use crate::auth::Role;
use crate::auth::signing::{Grant, TokenSigner};

/// Of the tokens that are printed: a working day.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

pub(super) struct Greeting<'a> {
    pub(super) api: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) postgres: &'a str,
    pub(super) kafka: &'a Broker,
    pub(super) signer: &'a TokenSigner,
    pub(super) config: &'a DevConfig,
}

impl Greeting<'_> {
    /// Where everything is, for programs that are started later.
    pub(super) fn write_addresses(&self, folder: &Path) -> io::Result<()> {
        let remark = if self.kafka.inside.is_some() { addresses::IN_PROCESS } else { "" };
        let lines = [
            (addresses::API, &*format!("http://{}", self.api)),
            (addresses::POSTGRES, self.postgres),
            (addresses::KAFKA, &*format!("{}{remark}", self.kafka.address)),
            (addresses::TOPIC_PREFIX, &self.config.topic_prefix),
        ];
        addresses::write(folder, &lines)
    }

    pub(super) fn print(&self) {
        let (api, admin) = (self.api, self.admin);
        let kafka = &self.kafka.address;
        println!("api: http://{api}");
        println!("docs: http://{api}/docs");
        println!("admin: http://{admin}/metrics");
        println!("postgres: {}", self.postgres);
        println!("kafka: {kafka}");
        for role in Role::ALL {
            println!("{role}: {}", self.token(role));
        }
        let sku = if self.config.demo { super::demo::FIRST_SKU } else { "SKU" };
        println!("curl: curl -s http://{api}/v1/products/{sku}");
        println!("kcat: kcat -b {kafka} -t {}.order -C -f '%k %h %s\\n'", self.config.topic_prefix);
    }

    fn token(&self, role: Role) -> String {
        self.signer.sign(Grant { subject: Uuid::now_v7(), role, guest: false, lifetime: TOKEN_LIFETIME })
    }
}
