//! `fargard server key` and `fargard server inventory-token`: who else than people may ask a server, and tell it.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use fargard_coverage::arn::is_account;
use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commands::remote::{Access, segment};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Access keys for GuardDuty's API, as the AWS CLI and SDKs use them
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make a token for those who send events and sweeps of ECS
    InventoryToken {
        /// Name for people: who will use it
        name: String,
        #[command(flatten)]
        access: Access,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key; its secret is shown this once
    #[command(
        after_help = "Example:\n  fargard server key create --account 111122223333 --role administrator prowler\n  \
        AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... aws guardduty list-detectors --endpoint-url http://127.0.0.1:8440"
    )]
    Create {
        /// Name for people: who will use it
        name: String,
        /// The account it belongs to: twelve digits
        #[arg(long, value_parser = account)]
        account: String,
        /// What it may see
        #[arg(long, value_enum, default_value_t = Role::Member)]
        role: Role,
        /// It may change nothing
        #[arg(long)]
        read_only: bool,
        #[command(flatten)]
        access: Access,
    },
    /// List keys, without their secrets
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        access: Access,
    },
    /// Revoke a key: requests signed with it are refused from now on
    Revoke {
        /// Id of the key
        id: String,
        #[command(flatten)]
        access: Access,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// Every account the server knows
    Administrator,
    /// Its own account
    Member,
}

#[derive(Debug, Serialize, Deserialize)]
struct Key {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    name: String,
    account: String,
    role: Role,
    read_only: bool,
    created: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Token {
    token: String,
}

fn account(text: &str) -> Result<String, String> {
    if is_account(text) { Ok(text.to_owned()) } else { Err("an AWS account has twelve digits".to_owned()) }
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let text = match command {
        Command::Key(KeyCommand::Create { name, account, role, read_only, access }) => {
            let wanted =
                serde_json::json!({"name": name, "account": account, "role": role, "read_only": read_only});
            let key: Key = access.open()?.post("/api/v1/access-keys", &wanted)?;
            format!(
                "Keep the secret; it is not shown again.\nAWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n",
                key.id,
                key.secret.unwrap_or_default()
            )
        }
        Command::Key(KeyCommand::List { json, access }) => {
            let keys: Keys = access.open()?.get("/api/v1/access-keys", &[])?;
            list(&keys.keys, *json)?
        }
        Command::Key(KeyCommand::Revoke { id, access }) => {
            access.open()?.delete(&format!("/api/v1/access-keys/{}", segment(id)))?;
            format!("{id} is revoked\n")
        }
        Command::InventoryToken { name, access } => {
            let wanted = serde_json::json!({"name": name});
            let made: Token = access.open()?.post("/api/v1/inventory-tokens", &wanted)?;
            format!("Keep this token; it is not shown again.\n{}\n", made.token)
        }
    };
    io::stdout().lock().write_all(text.as_bytes()).context("writing to standard output")?;
    Ok(ExitCode::SUCCESS)
}

fn list(keys: &[Key], json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(keys).context("writing JSON")? + "\n");
    }
    let mut text = format!("{:<20}  {:<12}  {:<13}  {:<9}  NAME\n", "ID", "ACCOUNT", "ROLE", "MAY");
    for key in keys {
        let role = match key.role {
            Role::Administrator => "administrator",
            Role::Member => "member",
        };
        let may = if key.read_only { "read" } else { "change" };
        let name: String = key.name.chars().filter(|each| !each.is_control()).collect();
        text += &format!("{:<20}  {:<12}  {role:<13}  {may:<9}  {name}\n", key.id, key.account);
    }
    Ok(text)
}
