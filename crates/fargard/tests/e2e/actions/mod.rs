//! What attackers do, done for real in containers under the sensor: each rule fires for its action and no other does.

mod defaults;
mod image;
mod samples;
mod stable;
mod stage;
