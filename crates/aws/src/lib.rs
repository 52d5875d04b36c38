//! A small signed client of AWS.
//!
//! [`Account::open`] finds credentials, region and endpoints as AWS's own tools do; [`Ecs`] has the calls of ECS that
//! Fargard makes, each paged, limited in rate and repeated when ECS asks for patience; [`inventory`] lists an account
//! within a share of ECS's read budget; [`Queue`] reads events from SQS, [`EventBus`] sends them to EventBridge;
//! [`ecr_login`] and [`login_in_secret`] give logins to image registries. Answers are read into the type the caller
//! names, so nobody pays for members nobody reads.

mod account;
mod clock;
mod credentials;
pub mod ecs;
mod endpoint;
mod environment;
mod error;
mod events;
pub mod inventory;
mod limit;
mod queue;
mod registry_login;
mod retry;
pub mod sign;
mod transport;

pub use account::{Account, AccountOptions, Role};
pub use clock::{Clock, SystemClock};
pub use credentials::{Credentials, Provider};
pub use ecs::Ecs;
pub use endpoint::{Service, endpoint};
pub use environment::Environment;
pub use error::{AwsError, CallError, CallFailure};
pub use events::{Event, EventBus};
pub use queue::{Message, Queue};
pub use registry_login::{RegistryLogin, ecr_login, login_in_secret};
pub use transport::{Answer, Request, Transport};
