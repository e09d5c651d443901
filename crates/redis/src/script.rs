//! Lua scripts: each is one step for everybody.

use fred::{
    clients::Client,
    error::Error,
    interfaces::LuaInterface,
    types::{Key, Value, scripts::Script as Lua},
};

use crate::moving::while_moving;

/// A script, known to Redis by its hash.
pub(crate) struct Script(Lua);

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self(Lua::from_lua(text))
    }

    /// Runs it. A Redis that does not know it yet, because it was restarted, is sent the text.
    pub(crate) async fn run(&self, client: &Client, keys: Vec<Key>, args: Vec<Value>) -> Result<Value, Error> {
        while_moving(client, || self.run_once(client, &keys, &args)).await
    }

    async fn run_once(&self, client: &Client, keys: &[Key], args: &[Value]) -> Result<Value, Error> {
        let known: Result<Value, Error> = client.evalsha(self.0.sha1().clone(), keys.to_vec(), args.to_vec()).await;
        match (known, self.0.lua()) {
            (Err(error), Some(text)) if error.details().starts_with("NOSCRIPT") => {
                client.eval(text.clone(), keys.to_vec(), args.to_vec()).await
            }
            (answer, _) => answer,
        }
    }
}
