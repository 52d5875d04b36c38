//! `fd.*` of an event in the making.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fargard_model::{EventType, Fd};

use super::{MadeError, Setting};

/// One end of a connection, as far as it was said.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl End {
    fn build(self, or: Self) -> Option<SocketAddr> {
        let (address, port) = (self.address.or(or.address), self.port.or(or.port));
        if address.is_none() && port.is_none() {
            return None;
        }
        Some(SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9))), port.unwrap_or(0)))
    }
}

impl From<SocketAddr> for End {
    fn from(address: SocketAddr) -> Self {
        Self { address: Some(address.ip()), port: Some(address.port()) }
    }
}

/// What was said of the descriptor.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptor {
    num: Option<i64>,
    typechar: Option<char>,
    name: Option<String>,
    nameraw: Option<String>,
    local: End,
    remote: End,
    client: End,
    server: End,
    is_server: Option<bool>,
    l4proto: Option<String>,
    upper_layer: Option<bool>,
    local_names: Vec<String>,
    remote_names: Vec<String>,
    client_names: Vec<String>,
    server_names: Vec<String>,
}

impl Descriptor {
    pub(super) fn set(
        &mut self,
        field: &str,
        setting: &Setting<'_>,
        kind: EventType,
    ) -> Result<(), MadeError> {
        match field {
            "fd.num" => self.num = Some(setting.number()?),
            "fd.name" => self.set_name(setting, kind),
            "fd.nameraw" => self.nameraw = Some(setting.text()),
            "fd.typechar" => {
                let mut chars = setting.value.chars();
                self.typechar = chars.next();
                if chars.next().is_some() {
                    return Err(setting.refuse("one character: f, d, 4, 6, u, p, o"));
                }
            }
            "fd.type" => self.typechar = Some(type_of(setting)?),
            "fd.l4proto" => self.l4proto = Some(setting.text()),
            "fd.is_server" => self.is_server = Some(setting.boolean()?),
            "fd.is_upper_layer" => self.upper_layer = Some(setting.boolean()?),
            "fd.lip.name" => self.local_names = vec![setting.text()],
            "fd.rip.name" => self.remote_names = vec![setting.text()],
            "fd.cip.name" => self.client_names = vec![setting.text()],
            "fd.sip.name" => self.server_names = vec![setting.text()],
            "fd.sip" | "fd.snet" => self.server.address = Some(address(setting)?),
            "fd.cip" | "fd.cnet" => self.client.address = Some(address(setting)?),
            "fd.lip" | "fd.lnet" => self.local.address = Some(address(setting)?),
            "fd.rip" | "fd.rnet" => self.remote.address = Some(address(setting)?),
            "fd.sport" => self.server.port = Some(setting.number()?),
            "fd.cport" => self.client.port = Some(setting.number()?),
            "fd.lport" => self.local.port = Some(setting.number()?),
            "fd.rport" => self.remote.port = Some(setting.number()?),
            "fd.ip" | "fd.port" | "fd.net" => {
                return Err(setting.not_settable("say which end: fd.sip, fd.cip, fd.lip or fd.rip"));
            }
            "fd.directory" | "fd.filename" => return Err(setting.not_settable("set fd.name")),
            _ => return Err(setting.not_settable("it follows from the other fields, or has no value here")),
        }
        Ok(())
    }

    /// A path, or the ends of a connection as `local->remote`, or the one address there is.
    fn set_name(&mut self, setting: &Setting<'_>, kind: EventType) {
        if let Some((local, remote)) = setting.value.split_once("->")
            && let (Ok(local), Ok(remote)) = (local.parse::<SocketAddr>(), remote.parse::<SocketAddr>())
        {
            self.local = local.into();
            self.remote = remote.into();
        } else if let Ok(only) = setting.value.parse::<SocketAddr>() {
            match waits(kind) {
                true => self.local = only.into(),
                false => self.remote = only.into(),
            }
        } else {
            self.set_path(setting.value);
        }
    }

    pub(super) fn set_path(&mut self, path: &str) {
        self.name = Some(path.to_owned());
    }

    pub(super) fn path(&self) -> Option<String> {
        self.name.clone()
    }

    /// The path as the process gave it.
    pub(super) fn raw_path(&self) -> Option<String> {
        self.nameraw.clone().or_else(|| self.path())
    }

    pub(super) fn build(&self, kind: EventType) -> Option<Fd> {
        let is_server = self.is_server.unwrap_or_else(|| waits(kind));
        let (as_local, as_remote) =
            if is_server { (self.server, self.client) } else { (self.client, self.server) };
        let (local, remote) = (self.local.build(as_local), self.remote.build(as_remote));
        let (of_local, of_remote) = match is_server {
            true => (&self.server_names, &self.client_names),
            false => (&self.client_names, &self.server_names),
        };
        let end = remote.or(local);
        let is_connection = end.is_some();
        let said =
            self.num.is_some() || self.typechar.is_some() || self.name.is_some() || self.nameraw.is_some();
        let is_named = [&self.local_names, &self.remote_names, &self.client_names, &self.server_names]
            .iter()
            .any(|names| !names.is_empty());
        if !is_connection && !said && !is_named && self.l4proto.is_none() {
            return None;
        }
        let of_end = end.map(|end| if end.is_ipv4() { '4' } else { '6' });
        let of_file = || self.name.is_some().then_some('f');
        let name = self.name.clone().or_else(|| connection(local, remote)).unwrap_or_default();
        Some(Fd {
            num: self.num.unwrap_or(if kind.is_open() { -1 } else { 3 }),
            typechar: self.typechar.or(of_end).or_else(of_file),
            nameraw: self.nameraw.clone().unwrap_or_else(|| name.clone()),
            name,
            local,
            remote,
            client: remote.is_some().then_some(!is_server),
            l4proto: self.l4proto.clone().or_else(|| is_connection.then(|| "tcp".to_owned())),
            upper_layer: self.upper_layer,
            local_names: [&self.local_names[..], of_local].concat(),
            remote_names: [&self.remote_names[..], of_remote].concat(),
            ..Fd::default()
        })
    }
}

/// The process waits for the other end.
fn waits(kind: EventType) -> bool {
    matches!(kind, EventType::Bind | EventType::Listen | EventType::Accept | EventType::Accept4)
}

fn connection(local: Option<SocketAddr>, remote: Option<SocketAddr>) -> Option<String> {
    match (local, remote) {
        (Some(local), Some(remote)) => Some(format!("{local}->{remote}")),
        (None, Some(only)) | (Some(only), None) => Some(only.to_string()),
        (None, None) => None,
    }
}

fn address(setting: &Setting<'_>) -> Result<IpAddr, MadeError> {
    setting.value.parse().map_err(|_| setting.refuse("an IP address"))
}

fn type_of(setting: &Setting<'_>) -> Result<char, MadeError> {
    Ok(match setting.value {
        "file" => 'f',
        "directory" => 'd',
        "ipv4" => '4',
        "ipv6" => '6',
        "unix" => 'u',
        "pipe" => 'p',
        _ => return Err(setting.refuse("file, directory, ipv4, ipv6, unix or pipe")),
    })
}
