//! What `daybook dev` says once it is ready: `name: value` a line on standard output, for people and for programs that start it;
//! and the same in its data folder, for the shells and programs that come later.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use uuid::{Uuid, uuid};

use super::addresses::Addresses;
use super::{DevConfig, demo};
use crate::auth::Role;
use crate::auth::signing::{Grant, TokenSigner};

/// Of the tokens that are printed: a working day.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Who the tokens speak for is made from this and the role: a customer finds the orders again after a restart.
const SUBJECTS: Uuid = uuid!("1c8b3a4e-5a37-4d0b-9a52-6f0f0b1a7d21");

pub(super) struct Greeting {
    /// Names are unique, and values are one line.
    lines: Vec<(String, String)>,
    /// The same as variables of a shell.
    variables: Vec<(String, String)>,
}

impl Greeting {
    pub(super) fn new(addresses: &Addresses, signer: &TokenSigner, config: &DevConfig) -> Self {
        let Addresses { api, postgres, kafka, topic_prefix, .. } = addresses;
        let mut lines = addresses.lines();
        let mut variables = vec![
            ("API".to_owned(), api.clone()),
            ("METRICS".to_owned(), format!("{}/metrics", addresses.admin)),
            ("POSTGRES".to_owned(), postgres.clone()),
            ("KAFKA".to_owned(), kafka.clone()),
        ];
        for role in Role::ALL {
            let token = token(signer, role);
            variables.push((role.name().to_uppercase(), token.clone()));
            lines.push((format!("token-{role}"), token));
        }
        let product = if config.demo { format!("/{}", demo::FIRST_SKU) } else { String::new() };
        lines.push(("curl".to_owned(), format!("curl -s {api}/v1/products{product}")));
        lines.push(("kcat".to_owned(), format!(r"kcat -b {kafka} -t {topic_prefix}.order -C -f '%k %h %s\n'")));
        if let Ok(program) = std::env::current_exe() {
            variables.push(("DAYBOOK".to_owned(), program.display().to_string()));
        }
        Self { lines, variables }
    }

    /// `name: value` a line.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.lines {
            writeln!(text, "{name}: {value}").expect("writing to a string cannot fail");
        }
        text
    }

    /// What a shell reads with `. FILE`.
    pub(super) fn shell(&self) -> String {
        let mut text = String::from("# The running `daybook dev` of this folder, as variables of a shell.\n");
        for (name, value) in &self.variables {
            let quoted = value.replace('\'', r"'\''");
            writeln!(text, "{name}='{quoted}'").expect("writing to a string cannot fail");
        }
        text
    }
}

fn token(signer: &TokenSigner, role: Role) -> String {
    let subject = Uuid::new_v5(&SUBJECTS, role.name().as_bytes());
    signer.sign(Grant { subject, role, guest: false, lifetime: TOKEN_LIFETIME })
}

/// A listener on every address is reached on this machine's own.
pub(super) fn url(listener: SocketAddr) -> String {
    format!("http://{}", crate::config::reachable(listener))
}
