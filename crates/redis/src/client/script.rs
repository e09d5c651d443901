//! Lua scripts, which Redis executes atomically.

use fred::{
    clients::Client,
    error::Error,
    interfaces::LuaInterface,
    types::{Key, Value, scripts::Script as Lua},
};

use super::slot_migration::retry_while_slot_moves;

/// A script that is called by its hash.
pub(crate) struct Script(Lua);

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self(Lua::from_lua(text))
    }

    /// Runs the script. If Redis does not know its hash, for example after a restart, the text is sent.
    pub(crate) async fn run(&self, client: &Client, keys: Vec<Key>, args: Vec<Value>) -> Result<Value, Error> {
        retry_while_slot_moves(client, || self.run_once(client, &keys, &args)).await
    }

    async fn run_once(&self, client: &Client, keys: &[Key], args: &[Value]) -> Result<Value, Error> {
        let answer: Result<Value, Error> = client.evalsha(self.0.sha1().clone(), keys.to_vec(), args.to_vec()).await;
        match (answer, self.0.lua()) {
            (Err(error), Some(text)) if error.details().starts_with("NOSCRIPT") => {
                client.eval(text.clone(), keys.to_vec(), args.to_vec()).await
            }
            (answer, _) => answer,
        }
    }
}
